// Acme: an outdoor and home goods shop in the United States. Words and prices only.
import type { Kind, Option, OptionSet, Shop, Vendor } from '../shop.ts'
import { countries } from './places.ts'

const northfell: Vendor = {
  name: 'Northfell',
  code: 'NFL',
  lines: ['Ridgeline', 'Cairn', 'Scree', 'Fellside', 'Corrie', 'Tarn'],
  note: 'Northfell repairs what it makes, for as long as you own it.',
}
const tallpine: Vendor = {
  name: 'Tallpine Works',
  code: 'TPW',
  lines: ['Timberline', 'Switchback', 'Larch', 'Overlook', 'Basecamp', 'Lookout'],
  note: 'Tallpine Works sews in small batches in Bozeman, Montana.',
}
const driftline: Vendor = {
  name: 'Driftline',
  code: 'DRL',
  lines: ['Estuary', 'Headland', 'Tidewater', 'Sandbar', 'Longshore', 'Inlet'],
  note: 'Driftline makes its fabrics from recovered fishing nets.',
}
const kestrel: Vendor = {
  name: 'Kestrel & Daughters',
  code: 'KES',
  lines: ['Wayfarer', 'Pathfinder', 'Drover', 'Rambler', 'Nomad', 'Outrider'],
  note: 'Kestrel & Daughters gives one percent of every sale to trail crews.',
}
const hollow: Vendor = {
  name: 'Hearth & Hollow',
  code: 'HHO',
  lines: ['Homestead', 'Farmhouse', 'Ember', 'Millrace', 'Orchard', 'Quarry'],
  note: 'Hearth & Hollow works with family mills and potteries in Vermont.',
}
const juniper: Vendor = {
  name: 'Juniper Lane',
  code: 'JUN',
  lines: ['Meadow', 'Linden', 'Solstice', 'Wren', 'Harbor', 'Foxglove'],
  note: 'Juniper Lane ships everything plastic-free.',
}

const one: OptionSet = { take: 'all', options: [{ label: 'Standard', code: 'STD' }] }
const trailColors: OptionSet = {
  take: 'some',
  options: [
    { label: 'Forest', code: 'FOR' },
    { label: 'Slate', code: 'SLT' },
    { label: 'Ochre', code: 'OCH' },
    { label: 'Rust', code: 'RUS' },
    { label: 'Midnight', code: 'MID' },
    { label: 'Sand', code: 'SND' },
  ],
}
const homeColors: OptionSet = {
  take: 'some',
  options: [
    { label: 'Oatmeal', code: 'OAT' },
    { label: 'Charcoal', code: 'CHA' },
    { label: 'Sage', code: 'SAG' },
    { label: 'Clay', code: 'CLY' },
    { label: 'Indigo', code: 'IND' },
  ],
}
const apparelSizes: OptionSet = { take: 'all', options: ['S', 'M', 'L', 'XL'].map(asOption) }
const shoeSizes: OptionSet = {
  take: 'all',
  options: ['8', '9', '10', '11'].map((size) => ({ label: `US ${size}`, code: `U${size}` })),
}
const sockSizes: OptionSet = { take: 'all', options: ['S', 'M', 'L'].map(asOption) }
const bedSizes: OptionSet = {
  take: 'all',
  options: [
    { label: 'Twin', code: 'TWN' },
    { label: 'Full', code: 'FUL', factor: 1.2 },
    { label: 'Queen', code: 'QUN', factor: 1.35 },
    { label: 'King', code: 'KNG', factor: 1.55 },
  ],
}
const lengths: OptionSet = {
  take: 'all',
  options: [
    { label: 'Regular', code: 'REG' },
    { label: 'Long', code: 'LNG', factor: 1.08 },
  ],
}
const packs: OptionSet = {
  take: 'all',
  options: [
    { label: 'Single', code: 'X1' },
    { label: 'Set of 2', code: 'X2', factor: 1.9 },
    { label: 'Set of 4', code: 'X4', factor: 3.6 },
  ],
}
const scents: OptionSet = {
  take: 'some',
  options: [
    { label: 'Cedar & Smoke', code: 'CED' },
    { label: 'Fig', code: 'FIG' },
    { label: 'Sea Salt', code: 'SEA' },
    { label: 'Tomato Leaf', code: 'TOM' },
    { label: 'Unscented', code: 'UNS' },
  ],
}
const rugSizes: OptionSet = {
  take: 'all',
  options: [
    { label: '2 × 3 ft', code: '23' },
    { label: '4 × 6 ft', code: '46', factor: 2.6 },
    { label: '5 × 8 ft', code: '58', factor: 4.1 },
  ],
}

function asOption(size: string): Option {
  return { label: size, code: size }
}

const kinds: readonly Kind[] = [
  {
    category: 'Outdoor > Backpacks',
    vendors: [northfell, kestrel],
    options: trailColors,
    items: {
      'Daypack 22L': 79,
      'Rolltop Pack 30L': 119,
      'Trekking Pack 55L': 219,
      'Hip Pack': 39,
      'Kids Pack 12L': 49,
    },
    features: [
      'Recycled 210-denier ripstop with a water-repellent finish.',
      'A ventilated back panel and a hip belt that carries rather than decorates.',
      'Two stretch pockets that take a one-liter bottle each.',
    ],
  },
  {
    category: 'Outdoor > Tents',
    vendors: [tallpine, northfell],
    options: trailColors,
    items: {
      '1-Person Tent': 229,
      '2-Person Tent': 319,
      '4-Person Tent': 449,
      'Tarp Shelter': 129,
      'Screen House': 259,
    },
    features: [
      'Pitches in under five minutes with color-coded poles.',
      'Fully taped seams and a 3,000 mm floor.',
      'Two doors, two vestibules, and no arguments over who climbs across whom.',
    ],
  },
  {
    category: 'Outdoor > Sleeping Bags',
    vendors: [northfell, tallpine],
    options: lengths,
    items: {
      '20°F Down Bag': 289,
      '35°F Synthetic Bag': 139,
      '0°F Expedition Bag': 429,
      'Quilt 30°F': 249,
      'Bag Liner': 45,
    },
    features: [
      'Draft collar and a two-way zipper that does not snag.',
      'Responsibly sourced fill, traceable to the farm.',
      'Packs into the compression sack that comes with it.',
    ],
  },
  {
    category: 'Outdoor > Sleeping Pads',
    vendors: [tallpine, kestrel],
    options: lengths,
    items: {
      'Insulated Air Pad': 149,
      'Self-Inflating Mat': 99,
      'Folding Foam Pad': 44,
      'Camp Pillow': 29,
      'Double Camp Mattress': 239,
    },
    features: [
      'Quiet fabric: you can turn over without waking the tent.',
      'An R-value of 4.2 for three-season ground.',
      'Repair patches are in the bag.',
    ],
  },
  {
    category: 'Outdoor > Camp Kitchen',
    vendors: [kestrel, tallpine],
    options: one,
    items: {
      'Canister Stove': 59,
      'Two-Burner Stove': 139,
      'Titanium Cook Set': 89,
      'Pour-Over Coffee Kit': 34,
      'Nesting Mess Kit': 42,
    },
    features: [
      'Boils a liter in under four minutes.',
      'Folds flat and fits the side pocket of a pack.',
      'Stainless where it matters and light where it can be.',
    ],
  },
  {
    category: 'Outdoor > Camp Furniture',
    vendors: [tallpine, driftline],
    options: trailColors,
    items: { 'Low Camp Chair': 69, 'Folding Table': 89, Hammock: 74, 'Director Chair': 99, 'Camp Cot': 129 },
    features: [
      'A frame of 7075 aluminum that holds 300 lb.',
      'Sets up without tools, and without the instructions.',
      'The seat comes off and goes in the wash.',
    ],
  },
  {
    category: 'Outdoor > Lighting',
    vendors: [kestrel, northfell],
    options: one,
    items: {
      'Headlamp 400': 54,
      'Rechargeable Lantern': 64,
      'String Lights': 32,
      'Pocket Flashlight': 28,
      'Solar Lantern': 39,
    },
    features: [
      'Charges by USB-C; a full charge lasts a long weekend.',
      'A red mode that keeps your night vision and your friends.',
      'Sealed to IPX7: rain is not an event.',
    ],
  },
  {
    category: 'Outdoor > Hydration',
    vendors: [driftline, kestrel],
    options: trailColors,
    items: {
      'Insulated Bottle 24 oz': 34,
      'Insulated Bottle 40 oz': 44,
      'Travel Tumbler': 29,
      'Gravity Filter 4L': 119,
      'Soft Flask': 22,
    },
    features: [
      'Cold for 24 hours, hot for 12.',
      'A wide mouth that takes ice cubes and a bottle brush.',
      'Powder-coated 18/8 steel that tastes of nothing.',
    ],
  },
  {
    category: 'Outdoor > Coolers',
    vendors: [driftline, tallpine],
    options: trailColors,
    items: {
      'Soft Cooler 12': 89,
      'Hard Cooler 35': 249,
      'Hard Cooler 65': 349,
      'Lunch Cooler': 39,
      'Cooler Backpack': 129,
    },
    features: [
      'Holds ice for three days at 90°F.',
      'Welded seams that do not leak on the back seat.',
      'A drain plug you can open with cold hands.',
    ],
  },
  {
    category: 'Apparel > Rainwear',
    vendors: [northfell, driftline],
    options: apparelSizes,
    items: {
      'Rain Jacket': 169,
      'Storm Shell': 279,
      'Rain Pants': 99,
      'Packable Poncho': 49,
      'Wax Cotton Coat': 249,
    },
    features: [
      'Three layers, fully taped, and quiet when you walk.',
      'The hood fits over a helmet and cinches down to a face.',
      'Pit zips for the uphill.',
    ],
  },
  {
    category: 'Apparel > Layers',
    vendors: [tallpine, northfell],
    options: apparelSizes,
    items: {
      'Grid Fleece': 99,
      'Down Sweater': 229,
      'Merino Base Layer': 89,
      'Wool Overshirt': 139,
      'Insulated Vest': 149,
    },
    features: [
      'Warm when wet and dry by lunch.',
      'Cut to layer: no bulk under a pack strap.',
      'Mulesing-free wool and recycled fill.',
    ],
  },
  {
    category: 'Apparel > Pants & Shorts',
    vendors: [kestrel, tallpine],
    options: apparelSizes,
    items: {
      'Trail Pants': 95,
      'Convertible Pants': 89,
      'Canvas Work Pants': 79,
      'Trail Shorts': 59,
      'Climbing Knickers': 72,
    },
    features: [
      'Four-way stretch with a gusset where it counts.',
      'A pocket that fits a phone and closes over it.',
      'Knees reinforced for kneeling, scrambling and gardening.',
    ],
  },
  {
    category: 'Footwear > Hiking',
    vendors: [northfell, kestrel],
    options: shoeSizes,
    items: {
      'Mid Hiking Boot': 189,
      'Trail Runner': 139,
      'Approach Shoe': 149,
      'Winter Boot': 219,
      'Camp Clog': 54,
    },
    features: [
      'Resoleable, with a lugged outsole that grips wet rock.',
      'A toe box as wide as a foot.',
      'Full-grain leather that needs no breaking in.',
    ],
  },
  {
    category: 'Apparel > Socks',
    vendors: [tallpine, juniper],
    options: sockSizes,
    items: {
      'Hiking Sock': 22,
      'Cushioned Crew Sock': 24,
      'Liner Sock 2-Pack': 19,
      'Ski Sock': 29,
      'House Sock': 26,
    },
    features: [
      'Merino and nylon, knit on fine-gauge machines.',
      'A seamless toe and an arch that stays where it is.',
      'Guaranteed against holes for five years.',
    ],
  },
  {
    category: 'Apparel > Hats & Gloves',
    vendors: [driftline, tallpine],
    options: trailColors,
    items: {
      'Watch Cap': 32,
      'Wide-Brim Sun Hat': 48,
      'Liner Gloves': 28,
      'Insulated Mittens': 69,
      'Trucker Hat': 29,
    },
    features: [
      'Double-knit, with a cuff you can turn twice.',
      'UPF 50 and a brim that springs back from a suitcase.',
      'Touchscreen thumbs that in fact work.',
    ],
  },
  {
    category: 'Outdoor > Knives & Tools',
    vendors: [kestrel, hollow],
    options: one,
    items: {
      'Folding Knife': 74,
      'Camp Hatchet': 89,
      Multitool: 94,
      'Folding Saw': 49,
      'Sharpening Kit': 36,
    },
    features: [
      'Carbon steel that takes an edge from a river stone.',
      'Oiled walnut handles, shaped by hand.',
      'Comes with a leather sheath that will outlast the dog.',
    ],
  },
  {
    category: 'Outdoor > Trekking',
    vendors: [northfell, tallpine],
    options: one,
    items: {
      'Carbon Trekking Poles': 139,
      'Baseplate Compass': 39,
      'Map Case': 24,
      Snowshoes: 179,
      'Trail Gaiters': 46,
    },
    features: [
      'Flick locks that hold at ten below.',
      'Cork grips that shape themselves to your hand.',
      'Every part can be bought and replaced on its own.',
    ],
  },
  {
    category: 'Travel > Bags',
    vendors: [kestrel, driftline],
    options: trailColors,
    items: { 'Duffel 40L': 129, 'Duffel 90L': 179, Weekender: 159, 'Packing Cubes': 39, 'Toiletry Kit': 45 },
    features: [
      'Carries as a duffel, a backpack or one end of a sofa.',
      'Zippers with pulls you can find in the dark.',
      'Fits every overhead bin that we have met.',
    ],
  },
  {
    category: 'Outdoor > Bike',
    vendors: [driftline, kestrel],
    options: trailColors,
    items: {
      'Pannier Pair': 149,
      'Handlebar Bag': 69,
      'Frame Bag': 59,
      'Saddle Roll': 84,
      'Commuter Backpack': 119,
    },
    features: [
      'Waterproof to the buckle, tested in a Seattle winter.',
      'Clicks on and off a rack with one hand.',
      'Reflective on all four sides, subtly.',
    ],
  },
  {
    category: 'Outdoor > Paddling',
    vendors: [driftline, northfell],
    options: trailColors,
    items: {
      'Dry Bag 20L': 34,
      'Dry Duffel 60L': 119,
      'Paddling Vest': 149,
      'Deck Bag': 64,
      'Throw Rope': 44,
    },
    features: [
      'Rolls shut, floats when full, and shrugs off gravel bars.',
      'Welded from PVC-free fabric.',
      'Bright enough to be found by whoever is looking.',
    ],
  },
  {
    category: 'Home > Bedding',
    vendors: [juniper, hollow],
    options: bedSizes,
    items: {
      'Linen Sheet Set': 189,
      'Flannel Sheet Set': 119,
      'Percale Duvet Cover': 129,
      'Wool Comforter': 249,
      Quilt: 199,
    },
    features: [
      'Stonewashed, so the first night feels like the hundredth.',
      'Woven in Portugal from European flax.',
      'Buttons of real shell and seams that are finished on the inside.',
    ],
  },
  {
    category: 'Home > Throws',
    vendors: [hollow, juniper],
    options: homeColors,
    items: {
      'Wool Throw': 119,
      'Waffle Blanket': 79,
      'Camp Blanket': 139,
      'Cotton Throw': 64,
      'Baby Blanket': 54,
    },
    features: [
      'Long-staple lambswool, brushed on both sides.',
      'Fringed by hand; no two are quite the same.',
      'Big enough for two people who like each other.',
    ],
  },
  {
    category: 'Home > Bath',
    vendors: [juniper, hollow],
    options: homeColors,
    items: { 'Bath Towel': 38, 'Hand Towel': 22, 'Bath Sheet': 54, 'Waffle Robe': 98, 'Bath Mat': 44 },
    features: [
      'Organic cotton, 600 grams per square meter.',
      'Absorbs from the first wash.',
      'A loop on the long side, where a hook needs it.',
    ],
  },
  {
    category: 'Home > Candles',
    vendors: [juniper, hollow],
    options: scents,
    items: {
      'Soy Candle 8 oz': 28,
      'Three-Wick Candle': 46,
      'Travel Tin Candle': 16,
      'Reed Diffuser': 38,
      'Incense Set': 18,
    },
    features: [
      'Poured by hand in small batches.',
      'Burns clean for fifty hours on a cotton wick.',
      'The glass makes a fine tumbler afterwards.',
    ],
  },
  {
    category: 'Garden > Planters',
    vendors: [hollow, juniper],
    options: homeColors,
    items: {
      'Stoneware Planter 8 in': 42,
      'Terracotta Pot 10 in': 29,
      'Hanging Planter': 36,
      'Window Box': 58,
      'Self-Watering Pot': 49,
    },
    features: [
      'Frost-proof to 14°F, with a drainage hole and a saucer.',
      'Glazed inside, raw outside.',
      'Heavy enough for a fiddle-leaf fig and a windy porch.',
    ],
  },
  {
    category: 'Garden > Tools',
    vendors: [hollow, kestrel],
    options: one,
    items: {
      'Hand Trowel': 26,
      'Bypass Pruners': 48,
      'Garden Fork': 64,
      'Watering Can 2 gal': 54,
      'Tool Roll': 59,
    },
    features: [
      'Forged, not stamped; ash handles from managed woodland.',
      'Every moving part can be taken apart and sharpened.',
      'Balanced for an afternoon, not for a shop display.',
    ],
  },
  {
    category: 'Home > Rugs & Mats',
    vendors: [juniper, hollow],
    options: rugSizes,
    items: { 'Flatweave Rug': 68, 'Jute Rug': 59, Doormat: 42, 'Outdoor Rug': 54, 'Wool Runner': 89 },
    features: [
      'Hand-woven on wooden looms and reversible.',
      'Lies flat from the day it is unrolled.',
      'Shake it out, hose it down, and put it back.',
    ],
  },
  {
    category: 'Home > Baskets & Storage',
    vendors: [juniper, kestrel],
    options: packs,
    items: {
      'Seagrass Basket': 39,
      'Canvas Bin': 29,
      'Wall Hook Rail': 46,
      'Cedar Box': 62,
      'Log Carrier': 58,
    },
    features: [
      'Stands up on its own, even when empty.',
      'Handles stitched through, not glued on.',
      'Folds flat when the season is over.',
    ],
  },
  {
    category: 'Home > Fire & Grill',
    vendors: [hollow, tallpine],
    options: one,
    items: {
      'Fire Pit': 279,
      'Cast-Iron Skillet 10 in': 64,
      'Dutch Oven 5 qt': 129,
      'Fire Poker': 38,
      'Kindling Splitter': 92,
    },
    features: [
      'Pre-seasoned with flaxseed oil; only gets better.',
      'Burns with little smoke, thanks to a double wall.',
      'Made once, to be handed down.',
    ],
  },
  {
    category: 'Pets > Dog',
    vendors: [kestrel, driftline],
    options: apparelSizes,
    items: { 'Dog Harness': 54, 'Rope Leash': 34, 'Dog Rain Jacket': 64, 'Travel Bowl': 18, 'Dog Bed': 89 },
    features: [
      'A handle on top, for stiles and for squirrels.',
      'Washable, replaceable, and chew-resistant within reason.',
      'Tested by Biscuit, 70 lb, who pulls.',
    ],
  },
]

export const acme: Shop = {
  slug: 'acme',
  tenantId: '0191b1f6-6280-7ac3-8e00-000000000001',
  name: 'Acme Outfitters',
  currency: 'USD',
  mailDomain: 'acme.example',
  people: ['Rosa Whitfield', 'Marcus Ojeda', 'Hana Sato', 'Peter Lindgren'],
  kinds,
  markets: [
    { country: countries.us, weight: 78 },
    { country: countries.ca, weight: 11 },
    { country: countries.gb, weight: 5 },
    { country: countries.au, weight: 4 },
    { country: countries.jp, weight: 2 },
  ],
  utcOffsetHours: -6,
}
