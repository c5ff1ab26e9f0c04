// Globex: a stationery and kitchen shop in the euro area. Words and prices only.
import type { Kind, OptionSet, Shop, Vendor } from '../shop.ts'
import { countries } from './places.ts'

const papierhof: Vendor = {
  name: 'Papierhof',
  code: 'PAP',
  lines: ['Atelier', 'Kontor', 'Linde', 'Archiv', 'Bogen', 'Feder'],
  note: 'Papierhof has bound books in Leipzig since 1921.',
}
const plume: Vendor = {
  name: 'Maison Plume',
  code: 'PLU',
  lines: ['Seine', 'Mistral', 'Lumière', 'Colombe', 'Rivage', 'Azur'],
  note: 'Maison Plume works with two paper mills in the Vosges.',
}
const inkwell: Vendor = {
  name: 'Inkwell & Sons',
  code: 'INK',
  lines: ['Quayside', 'Scholar', 'Ledger', 'Harcourt', 'Trinity', 'Liffey'],
  note: 'Inkwell & Sons refills and repairs everything it sells, in Dublin.',
}
const nordbord: Vendor = {
  name: 'Nordbord',
  code: 'NOR',
  lines: ['Fjell', 'Strand', 'Granit', 'Birk', 'Hav', 'Vinter'],
  note: 'Nordbord designs in Malmö and makes within a day by train from there.',
}
const fornello: Vendor = {
  name: 'Fornello',
  code: 'FOR',
  lines: ['Nonna', 'Trattoria', 'Brace', 'Piazza', 'Fiamma', 'Orto'],
  note: 'Fornello casts and spins its metal near Brescia.',
}
const barro: Vendor = {
  name: 'Barro Vivo',
  code: 'BAR',
  lines: ['Alentejo', 'Douro', 'Cortiça', 'Maré', 'Oliva', 'Telha'],
  note: 'Barro Vivo is a potters’ cooperative in the Alentejo.',
}

const one: OptionSet = { take: 'all', options: [{ label: 'Standard', code: 'STD' }] }
const rulings: OptionSet = {
  take: 'some',
  options: [
    { label: 'Dotted', code: 'DOT' },
    { label: 'Lined', code: 'LIN' },
    { label: 'Plain', code: 'PLN' },
    { label: 'Squared', code: 'SQR' },
  ],
}
const covers: OptionSet = {
  take: 'some',
  options: [
    { label: 'Ink Blue', code: 'BLU' },
    { label: 'Brick', code: 'BRI' },
    { label: 'Moss', code: 'MOS' },
    { label: 'Graphite', code: 'GRA' },
    { label: 'Mustard', code: 'MUS' },
  ],
}
const nibs: OptionSet = {
  take: 'all',
  options: [
    { label: 'Extra fine', code: 'EF' },
    { label: 'Fine', code: 'F' },
    { label: 'Medium', code: 'M' },
    { label: 'Broad', code: 'B' },
  ],
}
const inkColours: OptionSet = {
  take: 'some',
  options: [
    { label: 'Midnight Blue', code: 'MDN' },
    { label: 'Iron Gall Black', code: 'IGB' },
    { label: 'Bottle Green', code: 'BOT' },
    { label: 'Oxblood', code: 'OXB' },
    { label: 'Violet', code: 'VIO' },
  ],
}
const penColours: OptionSet = {
  take: 'some',
  options: [
    { label: 'Black', code: 'BLK' },
    { label: 'Blue', code: 'BLU' },
    { label: 'Red', code: 'RED' },
    { label: 'Green', code: 'GRN' },
  ],
}
const hardness: OptionSet = {
  take: 'all',
  options: ['2H', 'HB', '2B', '6B'].map((grade) => ({ label: grade, code: grade })),
}
const paperSizes: OptionSet = {
  take: 'all',
  options: [
    { label: 'A6', code: 'A6' },
    { label: 'A5', code: 'A5', factor: 1.3 },
    { label: 'A4', code: 'A4', factor: 1.7 },
  ],
}
const packs: OptionSet = {
  take: 'all',
  options: [
    { label: 'Single', code: 'X1' },
    { label: 'Set of 5', code: 'X5', factor: 4.2 },
    { label: 'Set of 10', code: 'X10', factor: 7.8 },
  ],
}
const panSizes: OptionSet = {
  take: 'all',
  options: [
    { label: '20 cm', code: '20' },
    { label: '24 cm', code: '24', factor: 1.2 },
    { label: '28 cm', code: '28', factor: 1.4 },
  ],
}
const potSizes: OptionSet = {
  take: 'all',
  options: [
    { label: '1.5 l', code: '15' },
    { label: '3 l', code: '30', factor: 1.35 },
    { label: '5 l', code: '50', factor: 1.75 },
  ],
}
const woods: OptionSet = {
  take: 'some',
  options: [
    { label: 'Oak', code: 'OAK' },
    { label: 'Walnut', code: 'WAL', factor: 1.25 },
    { label: 'Olive', code: 'OLV', factor: 1.4 },
  ],
}
const glazes: OptionSet = {
  take: 'some',
  options: [
    { label: 'Chalk', code: 'CHK' },
    { label: 'Speckled Sand', code: 'SPS' },
    { label: 'Celadon', code: 'CEL' },
    { label: 'Ink', code: 'INK' },
    { label: 'Terracotta', code: 'TER' },
  ],
}
const sets: OptionSet = {
  take: 'all',
  options: [
    { label: 'Single', code: 'X1' },
    { label: 'Set of 4', code: 'X4', factor: 3.7 },
  ],
}
const linens: OptionSet = {
  take: 'some',
  options: [
    { label: 'Natural', code: 'NAT' },
    { label: 'Blue Stripe', code: 'BST' },
    { label: 'Rosemary', code: 'ROS' },
    { label: 'Saffron', code: 'SAF' },
  ],
}
const weights: OptionSet = {
  take: 'all',
  options: [
    { label: '250 g', code: '250' },
    { label: '500 g', code: '500', factor: 1.85 },
    { label: '1 kg', code: '1K', factor: 3.4 },
  ],
}
const jarSizes: OptionSet = {
  take: 'all',
  options: [
    { label: '0.5 l', code: '05' },
    { label: '1 l', code: '10', factor: 1.3 },
    { label: '2 l', code: '20', factor: 1.7 },
  ],
}

const kinds: readonly Kind[] = [
  {
    category: 'Paper > Notebooks',
    vendors: [papierhof, plume],
    options: rulings,
    items: {
      'Notebook A5': 16,
      'Pocket Notebook': 9,
      'Hardcover Notebook B5': 22,
      'Reporter Pad': 8,
      'Sketchbook A4': 24,
    },
    features: [
      'Ninety-gram paper that takes fountain-pen ink without feathering.',
      'Thread-bound, so that it lies open where you leave it.',
      'Numbered pages and a table of contents to fill in.',
    ],
  },
  {
    category: 'Paper > Planners',
    vendors: [papierhof, inkwell],
    options: covers,
    items: {
      'Weekly Planner': 24,
      'Daily Planner': 32,
      'Undated Planner': 22,
      'Family Planner': 19,
      'Project Planner': 26,
    },
    features: [
      'A week on two pages and room for what did not get done.',
      'Two ribbons, a back pocket and an elastic that lasts the year.',
      'Public holidays of twelve countries on one fold-out page.',
    ],
  },
  {
    category: 'Writing > Fountain Pens',
    vendors: [inkwell, plume],
    options: nibs,
    items: {
      'Fountain Pen': 49,
      'Brass Fountain Pen': 89,
      'Student Fountain Pen': 24,
      'Piston Fountain Pen': 139,
      'Pocket Fountain Pen': 39,
    },
    features: [
      'A steel nib, tuned by hand before it leaves.',
      'Takes international cartridges or the converter that is in the box.',
      'Starts at once, even after a holiday.',
    ],
  },
  {
    category: 'Writing > Inks',
    vendors: [inkwell, papierhof],
    options: inkColours,
    items: {
      'Ink 50 ml': 14,
      'Ink Cartridges': 5,
      'Archival Ink 30 ml': 18,
      'Shimmer Ink 50 ml': 21,
      'Calligraphy Ink 100 ml': 17,
    },
    features: [
      'Water-based, with a drying time kind to left-handers.',
      'Lightfast and safe for vintage pens.',
      'The bottle tips, so that the last drop is used.',
    ],
  },
  {
    category: 'Writing > Pencils',
    vendors: [papierhof, nordbord],
    options: hardness,
    items: {
      'Pencil Dozen': 15,
      'Drawing Pencil': 2,
      'Clutch Pencil': 19,
      'Carpenter Pencil': 3,
      'Pencil Extender': 7,
    },
    features: [
      'Incense cedar that sharpens without splinters.',
      'A lead bonded along its length: it survives a fall.',
      'Lacquered with water-based colour.',
    ],
  },
  {
    category: 'Writing > Pens',
    vendors: [inkwell, nordbord],
    options: penColours,
    items: { Rollerball: 18, 'Gel Pen': 4, 'Aluminium Ballpoint': 29, Fineliner: 3, Multipen: 22 },
    features: [
      'Writes on receipts, envelopes and the back of a hand.',
      'Takes a standard refill that you can buy anywhere.',
      'A clip with a spring, not a promise.',
    ],
  },
  {
    category: 'Writing > Brushes & Markers',
    vendors: [plume, papierhof],
    options: packs,
    items: { 'Brush Pen': 5, Highlighter: 3, 'Paint Marker': 6, 'Calligraphy Marker': 5, 'Chalk Marker': 6 },
    features: [
      'Two tips: one for lines, one for areas.',
      'Odourless, pigment-based and refillable.',
      'Does not bleed through a good page.',
    ],
  },
  {
    category: 'Paper > Letters',
    vendors: [plume, inkwell],
    options: paperSizes,
    items: {
      'Writing Paper': 14,
      'Lined Envelopes': 12,
      'Letter Pad': 11,
      'Cotton Paper': 19,
      'Correspondence Set': 26,
    },
    features: [
      'Laid paper with a watermark that you find against the light.',
      'Envelopes lined with tissue, gummed on all three flaps.',
      'Made from cotton left over by the textile mills next door.',
    ],
  },
  {
    category: 'Paper > Cards',
    vendors: [plume, nordbord],
    options: packs,
    items: { 'Birthday Card': 4, 'Thank-You Card': 4, 'Letterpress Card': 6, Postcard: 2, 'Blank Card': 3 },
    features: [
      'Printed on a platen press of 1958.',
      'Blank inside: the words are yours.',
      'Comes with an envelope of the same paper.',
    ],
  },
  {
    category: 'Paper > Tape & Stickers',
    vendors: [nordbord, plume],
    options: covers,
    items: { 'Washi Tape': 4, 'Sticker Sheet': 5, 'Index Tabs': 6, 'Sealing Wax': 9, 'Paper Tape Wide': 7 },
    features: [
      'Tears by hand and lifts off without a trace.',
      'Rice paper, printed with soy inks.',
      'Ten metres a roll: several diaries.',
    ],
  },
  {
    category: 'Desk > Organisers',
    vendors: [nordbord, papierhof],
    options: woods,
    items: { 'Pen Tray': 29, 'Desk Tidy': 39, 'Letter Rack': 34, 'Monitor Shelf': 89, 'Card Box': 24 },
    features: [
      'Solid wood, oiled, from certified forests.',
      'Felt underneath, so that it moves when you want it to.',
      'Joined without screws.',
    ],
  },
  {
    category: 'Desk > Tools',
    vendors: [inkwell, nordbord],
    options: one,
    items: {
      'Desk Scissors': 24,
      'Brass Ruler 20 cm': 18,
      'Letter Opener': 22,
      Stapler: 27,
      'Pencil Sharpener': 9,
    },
    features: [
      'Forged in Solingen and ground by hand.',
      'Brass that darkens with use; polish it or do not.',
      'Heavy enough to hold down a heap of papers as well.',
    ],
  },
  {
    category: 'Desk > Folders & Binders',
    vendors: [papierhof, inkwell],
    options: covers,
    items: { 'Ring Binder': 14, 'Elastic Folder': 8, 'Archive Box': 12, 'Expanding File': 21, Clipboard: 13 },
    features: [
      'Cloth-covered board with a label holder of nickel.',
      'Acid-free throughout.',
      'Stands by itself, full or empty.',
    ],
  },
  {
    category: 'Paper > Calendars',
    vendors: [nordbord, plume],
    options: one,
    items: {
      'Wall Calendar': 24,
      'Desk Calendar': 16,
      'Perpetual Calendar': 38,
      'Advent Calendar': 22,
      'Birthday Calendar': 15,
    },
    features: [
      'Twelve prints that are worth a frame afterwards.',
      'Monday first, with the number of the week.',
      'Bound with a wire that turns without catching.',
    ],
  },
  {
    category: 'Paper > Gift Wrap',
    vendors: [plume, papierhof],
    options: packs,
    items: { 'Wrapping Sheet': 4, 'Gift Tag': 2, 'Cotton Ribbon': 5, 'Tissue Paper': 4, 'Gift Box': 6 },
    features: [
      'Heavy uncoated paper: no glitter, no foil, all recyclable.',
      'Fifty by seventy centimetres and folded once.',
      'Strong enough to be used again next year.',
    ],
  },
  {
    category: 'Kitchen > Pans',
    vendors: [fornello, nordbord],
    options: panSizes,
    items: {
      'Carbon Steel Pan': 49,
      'Cast-Iron Pan': 59,
      'Copper Sauté Pan': 149,
      'Non-Stick Pan': 39,
      'Crêpe Pan': 36,
    },
    features: [
      'Works on every hob, induction included, and in the oven.',
      'Comes with a first seasoning; the rest is breakfast.',
      'A riveted handle that stays cool for as long as an omelette takes.',
    ],
  },
  {
    category: 'Kitchen > Pots',
    vendors: [fornello, barro],
    options: potSizes,
    items: { Saucepan: 59, Casserole: 99, Stockpot: 79, 'Milk Pan': 35, 'Steamer Insert': 32 },
    features: [
      'A thick base that forgives a low flame forgotten.',
      'Pours from both sides without a drip.',
      'Lids fit across the series.',
    ],
  },
  {
    category: 'Kitchen > Knives',
    vendors: [fornello, nordbord],
    options: one,
    items: {
      'Chef’s Knife 20 cm': 89,
      'Paring Knife': 29,
      'Bread Knife': 59,
      'Vegetable Knife': 69,
      'Honing Steel': 39,
    },
    features: [
      'High-carbon steel, hardened to 58 Rockwell.',
      'A full tang and a handle of smoked oak.',
      'Sent with a voucher for its first sharpening.',
    ],
  },
  {
    category: 'Kitchen > Boards',
    vendors: [nordbord, fornello],
    options: woods,
    items: {
      'Chopping Board': 39,
      'Bread Board': 34,
      'Serving Board': 45,
      'Cheese Board': 29,
      'End-Grain Block': 89,
    },
    features: [
      'End to end from one plank, oiled with linseed.',
      'A groove on one side and none on the other.',
      'Kind to a good edge.',
    ],
  },
  {
    category: 'Kitchen > Baking',
    vendors: [fornello, barro],
    options: one,
    items: {
      'Loaf Tin': 19,
      'Springform 26 cm': 29,
      'Baking Sheet': 18,
      'Tart Tin': 16,
      'Proving Basket': 22,
    },
    features: [
      'Heavy-gauge steel that does not buckle in the heat.',
      'Releases what it bakes, with a little butter.',
      'Rolled edges: no crumbs in the corners.',
    ],
  },
  {
    category: 'Kitchen > Bowls',
    vendors: [barro, nordbord],
    options: glazes,
    items: { 'Mixing Bowl': 34, 'Salad Bowl': 46, 'Prep Bowl': 12, 'Batter Bowl': 29, 'Fruit Bowl': 54 },
    features: [
      'Stoneware, safe in oven, microwave and dishwasher.',
      'A foot that does not slide and a lip that pours.',
      'Glazed by hand, so every one differs a little.',
    ],
  },
  {
    category: 'Kitchen > Coffee',
    vendors: [nordbord, fornello],
    options: weights,
    items: {
      'House Blend': 9,
      'Single-Origin Ethiopia': 12,
      'Espresso Roast': 10,
      Decaf: 11,
      'Filter Roast': 10,
    },
    features: [
      'Roasted on Tuesdays, sent on Wednesdays.',
      'Bought directly, at a price that is printed on the bag.',
      'Tastes of stone fruit, cocoa and no regrets.',
    ],
  },
  {
    category: 'Kitchen > Tea',
    vendors: [inkwell, barro],
    options: weights,
    items: { 'Breakfast Tea': 12, 'Earl Grey': 13, Sencha: 18, Rooibos: 10, 'Herbal Infusion': 9 },
    features: [
      'Whole leaf, packed by hand.',
      'From gardens we can name.',
      'In a bag that composts; the tin is sold once.',
    ],
  },
  {
    category: 'Table > Cups & Mugs',
    vendors: [barro, nordbord],
    options: glazes,
    items: { Mug: 18, 'Espresso Cup': 12, 'Cappuccino Cup': 16, 'Tumbler Cup': 14, 'Enamel Mug': 11 },
    features: [
      'A handle for three fingers and a rim that is thin where you drink.',
      'Thrown on the wheel and fired twice.',
      'Stacks, within reason.',
    ],
  },
  {
    category: 'Table > Plates & Bowls',
    vendors: [barro, fornello],
    options: glazes,
    items: {
      'Dinner Plate': 24,
      'Side Plate': 17,
      'Pasta Bowl': 22,
      'Cereal Bowl': 16,
      'Serving Platter': 48,
    },
    features: [
      'Chip-resistant stoneware for every day.',
      'A rim that keeps the sauce where it belongs.',
      'Can be bought singly for as long as the clay is dug.',
    ],
  },
  {
    category: 'Table > Glassware',
    vendors: [nordbord, plume],
    options: sets,
    items: { 'Water Glass': 8, 'Wine Glass': 14, Carafe: 32, 'Highball Glass': 9, 'Champagne Coupe': 16 },
    features: [
      'Mouth-blown in Bohemia, lead-free.',
      'Dishwasher-safe, and we have tried.',
      'Light in the hand and hard to tip.',
    ],
  },
  {
    category: 'Kitchen > Linen',
    vendors: [barro, plume],
    options: linens,
    items: { 'Tea Towel': 14, Apron: 38, 'Oven Glove': 19, Tablecloth: 69, Napkin: 9 },
    features: [
      'Washed linen that dries glasses without lint.',
      'Sewn in Guimarães from flax grown in Normandy.',
      'A loop at the corner and a hem that holds.',
    ],
  },
  {
    category: 'Kitchen > Tools',
    vendors: [nordbord, fornello],
    options: one,
    items: { 'Wooden Spoon': 9, Whisk: 14, Grater: 22, 'Rolling Pin': 26, 'Pasta Tongs': 16 },
    features: [
      'Turned from beech that grew within fifty kilometres.',
      'Steel where it cuts, wood where it is held.',
      'Hangs on a nail, as it should.',
    ],
  },
  {
    category: 'Kitchen > Storage',
    vendors: [barro, fornello],
    options: jarSizes,
    items: { 'Storage Jar': 16, 'Preserving Jar': 6, 'Bread Crock': 49, 'Butter Dish': 28, 'Oil Bottle': 24 },
    features: [
      'A cork lid that seals and a mouth wide enough for a hand.',
      'Keeps light out and flavour in.',
      'Spare seals are always in stock.',
    ],
  },
  {
    category: 'Kitchen > Spice & Salt',
    vendors: [fornello, nordbord],
    options: woods,
    items: { 'Pepper Mill': 42, 'Salt Mill': 42, 'Mortar & Pestle': 38, 'Spice Rack': 59, 'Nutmeg Mill': 29 },
    features: [
      'A ceramic mechanism guaranteed for twenty-five years.',
      'From coarse to dust by one turn of the knob.',
      'Fills without a funnel.',
    ],
  },
]

export const globex: Shop = {
  slug: 'globex',
  tenantId: '0191b1f6-6280-7b10-9e00-000000000002',
  name: 'Globex Papier & Küche',
  currency: 'EUR',
  mailDomain: 'globex.example',
  people: ['Ilse Brandner', 'Matteo Rinaldi', 'Aoife Byrne', 'Zofia Kaczmarek'],
  kinds,
  markets: [
    { country: countries.de, weight: 34 },
    { country: countries.fr, weight: 13 },
    { country: countries.at, weight: 9 },
    { country: countries.nl, weight: 9 },
    { country: countries.it, weight: 8 },
    { country: countries.es, weight: 6 },
    { country: countries.flanders, weight: 3 },
    { country: countries.wallonia, weight: 2 },
    { country: countries.ie, weight: 4 },
    { country: countries.pl, weight: 4 },
    { country: countries.se, weight: 3 },
    { country: countries.pt, weight: 2 },
    { country: countries.fi, weight: 2 },
    { country: countries.gr, weight: 1 },
  ],
  utcOffsetHours: 1,
}
