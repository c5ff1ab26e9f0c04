// Countries with their cities, streets and ways of writing an address. Words only.
import type { Culture } from './names.ts'

export interface Country {
  code: string
  /** City and the pattern of its postal codes: '#' is a digit, '@' a letter. */
  cities: Record<string, string>
  /** Streets, apart by ', '. */
  streets: string
  /** How street and house number go together. */
  line: 'number street' | 'street number' | 'number, street' | 'street, number'
  /** What a second line says of a flat, '#' being its number. */
  flat: string
  /** Ranges that their authority keeps for fiction, apart by ', ', '#' a digit; none where there are none. */
  phone?: string
  cultures: readonly Culture[]
}

export const countries = {
  us: {
    code: 'US',
    cities: {
      Portland: '972##',
      Seattle: '981##',
      Denver: '802##',
      Boulder: '803##',
      'Salt Lake City': '841##',
      Minneapolis: '554##',
      Chicago: '606##',
      Austin: '787##',
      Asheville: '288##',
      Burlington: '0540#',
      Brooklyn: '112##',
      Oakland: '946##',
      Tucson: '857##',
      Atlanta: '303##',
      Anchorage: '995##',
      Bozeman: '5971#',
      'Santa Fe': '8750#',
      Madison: '537##',
      Houston: '770##',
      Philadelphia: '191##',
    },
    streets:
      'Alder St, Juniper Ave, Mill Creek Rd, Prospect St, Lakeview Dr, 14th Ave NE, Old County Rd, Sycamore Ln, ' +
      'Hawthorne Blvd, Cedar Hill Dr, W Franklin St, Orchard Ct, Quarry Rd, S 3rd St',
    line: 'number street',
    flat: 'Apt #',
    phone:
      '+1 503 555 01##, +1 206 555 01##, +1 303 555 01##, +1 612 555 01##, +1 512 555 01##, +1 802 555 01##, +1 404 555 01##',
    cultures: [
      'english',
      'english',
      'hispanic',
      'hispanic',
      'africanAmerican',
      'africanAmerican',
      'irish',
      'chinese',
      'indian',
      'vietnamese',
      'korean',
      'japanese',
      'german',
      'italian',
      'arabic',
      'westAfrican',
      'eastAfrican',
      'polish',
      'nordic',
      'ukrainian',
      'greek',
    ],
  },
  ca: {
    code: 'CA',
    cities: {
      Vancouver: 'V6B #@#',
      Calgary: 'T2P #@#',
      Toronto: 'M5V #@#',
      Montréal: 'H2X #@#',
      Halifax: 'B3J #@#',
      Victoria: 'V8W #@#',
    },
    streets:
      'Maple St, Queen St W, Fraser Ave, Ridge Rd, Lakeshore Dr, Elgin St, Granville Ave, Rue Rachel E',
    line: 'number street',
    flat: 'Unit #',
    phone: '+1 604 555 01##, +1 403 555 01##, +1 416 555 01##',
    cultures: ['english', 'french', 'chinese', 'indian', 'ukrainian', 'arabic', 'eastAfrican', 'korean'],
  },
  gb: {
    code: 'GB',
    cities: {
      London: 'SE15 #@@',
      Bristol: 'BS6 #@@',
      Edinburgh: 'EH6 #@@',
      Leeds: 'LS6 #@@',
      Manchester: 'M20 #@@',
      Sheffield: 'S11 #@@',
      Cardiff: 'CF11 #@@',
      Keswick: 'CA12 #@@',
    },
    streets: 'Station Road, Victoria Terrace, Mill Lane, Chapel Street, Albert Road, Church Walk, Kirkgate',
    line: 'number street',
    flat: 'Flat #',
    phone: '+44 7700 900###',
    cultures: ['english', 'english', 'irish', 'indian', 'westAfrican', 'polish', 'arabic', 'turkish'],
  },
  au: {
    code: 'AU',
    cities: { Melbourne: '30##', Hobart: '70##', Brisbane: '41##', Perth: '60##', Sydney: '20##' },
    streets: 'Banksia St, Harbour Rd, Wattle Ave, Gordon St, Railway Pde, King William St',
    line: 'number street',
    flat: 'Unit #',
    phone: '+61 3 5550 ####',
    cultures: ['english', 'greek', 'vietnamese', 'italian', 'chinese', 'indian'],
  },
  jp: {
    code: 'JP',
    cities: { Tokyo: '154-00##', Kyoto: '604-80##', Sapporo: '060-00##', Nagano: '380-08##' },
    streets: 'Sakura-dori, Minami-machi, Aoba-cho, Motomachi, Kita-ku Nijo',
    line: 'street number',
    flat: 'Room #0#',
    cultures: ['japanese'],
  },
  de: {
    code: 'DE',
    cities: {
      Berlin: '104##',
      Hamburg: '203##',
      München: '803##',
      Leipzig: '041##',
      Köln: '506##',
      'Freiburg im Breisgau': '791##',
      Dresden: '011##',
      Münster: '481##',
    },
    streets:
      'Lindenstraße, Goethestraße, Am Mühlbach, Schillerplatz, Kastanienallee, Bergstraße, Rosenweg, Torstraße',
    line: 'street number',
    flat: '#. OG',
    phone: '+49 30 23125 ###',
    cultures: ['german', 'german', 'german', 'turkish', 'polish', 'arabic', 'ukrainian', 'vietnamese'],
  },
  at: {
    code: 'AT',
    cities: { Wien: '10#0', Graz: '801#', Salzburg: '502#', Innsbruck: '602#', Linz: '402#' },
    streets: 'Mariahilfer Straße, Lindengasse, Getreidegasse, Kirchengasse, Am Graben, Schubertring',
    line: 'street number',
    flat: 'Top #',
    cultures: ['german', 'german', 'turkish'],
  },
  fr: {
    code: 'FR',
    cities: {
      Paris: '7501#',
      Lyon: '6900#',
      Nantes: '44000',
      Strasbourg: '67000',
      Bordeaux: '33000',
      Lille: '59000',
      Marseille: '1300#',
    },
    streets:
      'rue des Lilas, avenue Jean Jaurès, rue de la République, quai des Orfèvres, rue Victor Hugo, ' +
      'place du Marché, boulevard Voltaire',
    line: 'number, street',
    flat: 'Appartement #',
    phone: '+33 1 99 00 ## ##',
    cultures: ['french', 'french', 'french', 'arabic', 'westAfrican', 'portuguese', 'vietnamese'],
  },
  it: {
    code: 'IT',
    cities: {
      Milano: '201##',
      Torino: '101##',
      Bologna: '401##',
      Firenze: '501##',
      Roma: '001##',
      Trieste: '341##',
    },
    streets:
      'Via Garibaldi, Corso Vittorio Emanuele, Via dei Mille, Viale Dante, Via San Marco, Piazza Cavour',
    line: 'street number',
    flat: 'Interno #',
    cultures: ['italian', 'italian', 'italian', 'arabic'],
  },
  es: {
    code: 'ES',
    cities: { Madrid: '280##', Barcelona: '080##', Valencia: '460##', Sevilla: '410##', Bilbao: '480##' },
    streets: 'Calle Mayor, Calle de Alcalá, Avenida de la Constitución, Carrer de Mallorca, Plaza Nueva',
    line: 'street, number',
    flat: 'Piso #',
    cultures: ['hispanic', 'hispanic', 'hispanic', 'arabic'],
  },
  pt: {
    code: 'PT',
    cities: { Lisboa: '1200-###', Porto: '4050-###', Coimbra: '3000-###', Braga: '4700-###' },
    streets: 'Rua Augusta, Rua de Santa Catarina, Avenida da Liberdade, Largo do Carmo, Rua das Flores',
    line: 'street, number',
    flat: '#.º Dto',
    cultures: ['portuguese'],
  },
  nl: {
    code: 'NL',
    cities: {
      Amsterdam: '1053 @@',
      Utrecht: '3512 @@',
      Rotterdam: '3021 @@',
      Groningen: '9712 @@',
      'Den Haag': '2512 @@',
    },
    streets: 'Prinsengracht, Kerkstraat, Molenweg, Oudegracht, Nieuwstraat, Dorpsplein',
    line: 'street number',
    flat: '# hoog',
    cultures: ['dutch', 'dutch', 'dutch', 'turkish', 'arabic'],
  },
  flanders: {
    code: 'BE',
    cities: { Gent: '9000', Antwerpen: '2000', Leuven: '3000', Brugge: '8000' },
    streets: 'Veldstraat, Meir, Kortestraat, Bondgenotenlaan, Steenweg, Langestraat',
    line: 'street number',
    flat: 'Bus #',
    cultures: ['dutch', 'dutch', 'arabic'],
  },
  wallonia: {
    code: 'BE',
    cities: { Bruxelles: '10#0', Liège: '4000', Namur: '5000', Mons: '7000' },
    streets: 'Rue Neuve, Rue du Midi, Rue de Bruxelles, Avenue Louise, Rue Saint-Gilles, Place Verte',
    line: 'street number',
    flat: 'Boîte #',
    cultures: ['french', 'french', 'arabic', 'westAfrican'],
  },
  ie: {
    code: 'IE',
    cities: { Dublin: 'D08 @###', Cork: 'T12 @###', Galway: 'H91 @###', Limerick: 'V94 @###' },
    streets: 'Harcourt Terrace, Shop Street, Bridge Street, Ormond Quay, Sea Road, Washington Street',
    line: 'number street',
    flat: 'Apartment #',
    cultures: ['irish', 'irish', 'english', 'polish', 'westAfrican'],
  },
  se: {
    code: 'SE',
    cities: { Stockholm: '118 ##', Göteborg: '413 ##', Malmö: '214 ##', Uppsala: '753 ##' },
    streets: 'Storgatan, Kungsgatan, Björkvägen, Hornsgatan, Skolgatan, Vasagatan',
    line: 'street number',
    flat: 'Lgh 1#0#',
    phone: '+46 8 465 004 ##',
    cultures: ['nordic', 'nordic', 'arabic', 'eastAfrican'],
  },
  fi: {
    code: 'FI',
    cities: { Helsinki: '005#0', Tampere: '331#0', Turku: '201#0' },
    streets: 'Mannerheimintie, Hämeenkatu, Puistokatu, Kauppakatu, Rantatie',
    line: 'street number',
    flat: 'A #',
    cultures: ['nordic'],
  },
  pl: {
    code: 'PL',
    cities: { Kraków: '31-###', Warszawa: '00-###', Gdańsk: '80-###', Wrocław: '50-###', Poznań: '61-###' },
    streets: 'ul. Długa, ul. Mickiewicza, ul. Piotrkowska, ul. Kościuszki, al. Jana Pawła II',
    line: 'street number',
    flat: 'm. #',
    cultures: ['polish', 'polish', 'ukrainian'],
  },
  gr: {
    code: 'GR',
    cities: { Athina: '105 ##', Thessaloniki: '546 ##', Patra: '262 ##' },
    streets: 'Ermou, Akadimias, Tsimiski, Egnatia, Solonos',
    line: 'street number',
    flat: '#os orofos',
    cultures: ['greek'],
  },
} as const satisfies Record<string, Country>
