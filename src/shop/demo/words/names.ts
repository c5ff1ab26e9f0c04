// Given and family names by culture. Words only; who gets which is customers.ts.

export interface NameList {
  given: string
  family: string
  /** The family name stands first. */
  familyFirst?: true
}

/** Each list is one string, its names apart by ', '. */
export const names = {
  english: {
    given:
      'Amelia, Harriet, Grace, Chloe, Ruby, Eleanor, Nora, Oliver, Henry, Samuel, Theo, Jack, Miles, Owen, Tessa',
    family:
      'Bennett, Whitaker, Fletcher, Hughes, Lawson, Marsh, Palmer, Reid, Sutton, Ward, Holloway, Ellis, Frost',
  },
  africanAmerican: {
    given:
      'Imani, Jasmine, Aaliyah, Monique, Tiana, Simone, Malik, Darius, Andre, Terrence, Isaiah, Marcus, Jalen',
    family:
      'Washington, Jefferson, Booker, Gaines, Freeman, Coleman, Banks, Rivers, Dawson, Baptiste, Mosley',
  },
  irish: {
    given: 'Aoife, Niamh, Saoirse, Ciara, Orla, Gráinne, Cillian, Oisín, Eoin, Declan, Fionn, Tadhg, Ronan',
    family: "O'Sullivan, Murphy, Byrne, Gallagher, Doyle, Kavanagh, Nolan, O'Brien, Fitzgerald, Quinn, Daly",
  },
  hispanic: {
    given:
      'Camila, Valentina, Lucía, Marisol, Ximena, Paloma, Inés, Mateo, Diego, Andrés, Rafael, Javier, Emiliano',
    family:
      'García, Ramírez, Ortega, Castillo, Vargas, Núñez, Delgado, Peña, Cordero, Salinas, Ibáñez, Fuentes',
  },
  german: {
    given:
      'Johanna, Lena, Katharina, Mila, Greta, Annika, Ulrike, Jonas, Matthias, Felix, Jürgen, Lukas, Till, Moritz',
    family:
      'Schneider, Vogel, Krämer, Hoffmann, Bergmann, Köhler, Lindner, Schröder, Weiß, Brandt, Neumann, Albrecht',
  },
  french: {
    given:
      'Camille, Élodie, Manon, Juliette, Océane, Margaux, Solène, Antoine, Étienne, Théo, Baptiste, Rémi, Hugo',
    family:
      'Lefèvre, Moreau, Girard, Fontaine, Chevalier, Rousseau, Lambert, Perrin, Gauthier, Marchand, Dubois',
  },
  italian: {
    given:
      'Giulia, Chiara, Martina, Francesca, Alessia, Beatrice, Elisa, Lorenzo, Matteo, Davide, Tommaso, Nicolò',
    family:
      'Ricci, Conti, Marchetti, Ferrari, Galli, Moretti, Bianchi, Barbieri, De Luca, Rinaldi, Vitale, Colombo',
  },
  dutch: {
    given: 'Sanne, Femke, Lotte, Anouk, Maud, Roos, Fleur, Daan, Sem, Bram, Jeroen, Thijs, Ruben, Joost',
    family:
      'de Vries, van den Berg, Bakker, Visser, Smit, Mulder, de Groot, Dekker, Hendriks, van Dijk, Kuipers',
  },
  nordic: {
    given:
      'Astrid, Freja, Ingrid, Linnéa, Sigrid, Maja, Elin, Aino, Lars, Erik, Björn, Søren, Mikkel, Oskari, Nils',
    family:
      'Lindqvist, Johansson, Nygaard, Bergström, Dahl, Sørensen, Holm, Virtanen, Ekström, Hansen, Mäkinen, Lund',
  },
  polish: {
    given:
      'Zofia, Agnieszka, Magdalena, Kinga, Ola, Małgorzata, Ewa, Piotr, Michał, Jakub, Tomasz, Wojciech, Łukasz',
    family:
      'Nowak, Mazur, Zieliński, Wójcik, Kaczmarek, Dąbrowski, Król, Pawlak, Sikora, Wrona, Jabłoński, Duda',
  },
  portuguese: {
    given: 'Beatriz, Inês, Mariana, Leonor, Catarina, Joana, Tiago, João, Duarte, Gonçalo, Rui, Afonso, Luís',
    family: 'Almeida, Carvalho, Ferreira, Moura, Pinto, Teixeira, Magalhães, Coelho, Simões, Barros, Brandão',
  },
  greek: {
    given:
      'Eleni, Katerina, Sofia, Danae, Ioanna, Despina, Nikos, Giorgos, Dimitris, Stavros, Petros, Alexis',
    family:
      'Papadopoulos, Nikolaidis, Georgiou, Vlachos, Makris, Karagiannis, Pappas, Ioannidis, Kostas, Laskaris',
  },
  ukrainian: {
    given:
      'Olena, Kateryna, Oksana, Solomiya, Daryna, Yulia, Andriy, Taras, Bohdan, Oleksandr, Mykola, Ostap',
    family:
      'Shevchenko, Kovalenko, Bondarenko, Tkachenko, Melnyk, Kravchuk, Lysenko, Savchenko, Hnatiuk, Moroz',
  },
  turkish: {
    given: 'Elif, Zeynep, Defne, Ayşe, Selin, Nazlı, Emre, Kerem, Mehmet, Can, Burak, Ozan, Deniz',
    family: 'Yılmaz, Demir, Kaya, Çelik, Aydın, Öztürk, Arslan, Doğan, Koç, Şahin, Polat, Erdoğdu',
  },
  arabic: {
    given: 'Layla, Noor, Yasmin, Salma, Rania, Huda, Omar, Karim, Youssef, Tariq, Hassan, Samir, Bilal',
    family: 'Haddad, Khalil, Mansour, Nasser, El-Amin, Farouk, Aziz, Saleh, Benali, Rahmani, Sabbagh, Zidan',
  },
  indian: {
    given:
      'Ananya, Priya, Kavya, Meera, Isha, Lakshmi, Divya, Arjun, Rohan, Vikram, Aditya, Sanjay, Nikhil, Harpreet',
    family:
      'Sharma, Patel, Iyer, Banerjee, Reddy, Nair, Gupta, Kapoor, Desai, Menon, Chatterjee, Singh, Rao, Joshi',
  },
  chinese: {
    given: 'Mei, Xinyi, Jia, Lihua, Yan, Qing, Wei, Jun, Haoran, Zhiwei, Ming, Bo, Yichen',
    family: 'Chen, Wang, Li, Zhang, Liu, Huang, Zhao, Wu, Zhou, Lin, Xu, Guo, He',
  },
  japanese: {
    given: 'Yui, Haruka, Sakura, Aiko, Naomi, Emi, Mio, Haruto, Ren, Daichi, Kenji, Takumi, Sora',
    family:
      'Tanaka, Watanabe, Nakamura, Kobayashi, Yoshida, Yamamoto, Inoue, Matsumoto, Shimizu, Mori, Hayashi',
  },
  korean: {
    given: 'Ji-woo, Seo-yeon, Min-ji, Ha-eun, Yuna, Soo-jin, Min-jun, Joon-ho, Tae-yang, Hyun-woo, Jae-won',
    family: 'Kim, Lee, Park, Choi, Jung, Kang, Yoon, Lim, Han, Shin, Seo',
  },
  vietnamese: {
    given: 'Linh, Thu, Mai, Ngoc, Hanh, Trang, Minh, Duc, Khoa, Quang, Tuan, Bao',
    family: 'Nguyen, Tran, Le, Pham, Hoang, Vu, Dang, Bui, Do, Ngo',
    familyFirst: true,
  },
  westAfrican: {
    given: 'Adaeze, Ngozi, Folake, Abena, Amara, Yewande, Fatou, Chidi, Kwame, Emeka, Tunde, Kofi, Mamadou',
    family: 'Okafor, Adeyemi, Mensah, Boateng, Nwosu, Diallo, Owusu, Balogun, Traoré, Eze, Asante, Ndiaye',
  },
  eastAfrican: {
    given: 'Wanjiru, Hodan, Selam, Achieng, Zawadi, Amina, Abdi, Kamau, Dawit, Otieno, Yonas, Juma',
    family: 'Kimani, Tesfaye, Mwangi, Abdullahi, Bekele, Odhiambo, Warsame, Njoroge, Hailu, Wekesa',
  },
} as const satisfies Record<string, NameList>

export type Culture = keyof typeof names
