import { randomInt } from 'node:crypto'

const adjectives =
  `amber ample arctic autumn balmy blue bold brave breezy bright brisk bronze calm candid cedar chalky cheery clear clever cloudy
cobalt copper coral cosmic cozy crisp curly dapper daring dawn deep dewy dusky eager early earthy easy elder faint fancy fleet floral foggy fond
frosty gentle giddy glad golden grand green happy hardy hasty hazel hidden hollow honest humble icy indigo ivory jade jolly keen kind lanky late
leafy lemon light linen little lively loyal lucky lunar lush maple marble merry mild minty misty modest mossy narrow neat nimble noble northern
olive opal patient pearly placid plain plucky polar proud quick quiet rapid rare ready regal rosy round royal ruby rustic sandy scarlet serene
sharp shiny silent silver simple sleek sleepy slow smooth snowy soft solar spare spry stark steady stony stormy sturdy subtle sunny swift tall
tame tawny tender tidy tiny topaz trim true upper urban velvet vivid warm wavy wild windy wise witty woven young zesty`.split(
    /\s+/,
  )

const nouns =
  `acorn anchor apple arrow aspen badger bamboo barley basil beacon beaver birch bison blossom boulder bramble breeze bridge brook
buffalo button canoe canyon castle cedar cherry cliff clover comet condor cotton cove crane creek cricket crystal dolphin dune eagle ember falcon
feather fennel fern field finch fjord flint forest fox garden garnet gecko geyser ginger glacier grove gull hamlet harbor hare hawk heather heron
hill hornet island ivy jasmine juniper kestrel kite lagoon lantern lark laurel lemur lichen lily linnet lizard llama lobster lotus lynx magpie
mallow mango maple marten meadow mesa mint moose moss moth nectar nettle newt oak oasis ocelot olive orbit orchard osprey otter owl panda parsley
pebble pelican pepper pigeon pine plover plum pond poplar prairie puffin quail quarry rabbit raven reed reef ridge river robin rocket saffron sage
salmon sparrow spruce squid stork summit swan tern thistle thrush thyme tiger timber toucan trail trout tulip tundra turtle valley violet walnut
walrus warbler willow wombat woodland wren yarrow zebra`.split(/\s+/)

const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? ''

/** A password that a person can read off a screen and type: about 30 bits, for a server whose failed logins are counted. */
export function memorablePassword(): string {
  return `${pick(adjectives)}-${pick(nouns)}-${pick(nouns)}-${randomInt(10, 100)}`
}
