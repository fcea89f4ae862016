import type { RouteName } from './route-call.js';

/** What stands before the dot in the name of a route. */
export type RouteGroup = RouteName extends `${infer Group}.${string}` ? Group : never;

/** What each group of routes is about, for people who read the interface. */
export const ROUTE_GROUPS = {
  organisation:
    'An organisation comes to a vault with its first root, policy and directory. After a restore from a backup an admin hands back what was lost, and says when all goes on.',
  root: 'The root says who signs policies and directories. Clients follow its chain from the pin on; anybody may read it.',
  policy: 'The policy says who may do what. It is signed, so the vault cannot change it; anybody may read it.',
  directory:
    'The directory lists who belongs to the organisation, with which keys. It is signed, every version fixes those before it, and a renewer says which is the newest; anybody may read it.',
  invitation: 'An invitation lets one device in. Its secret stays with those two people: the vault has a hash.',
  enrolment:
    'A device that was invited asks to be let in, and signs with the key that it brings. The person who approves checks the invitation or eight words, and never what the vault says.',
  prompt: 'A prompt has a name, versions and labels. The vault knows these, and not a word of its text.',
  version: 'A version is sealed by its author and never changes. It is named by its number, or through a label.',
  label:
    'A label stands at a version because people signed that it does, as many as the policy asks for. Positions form a chain, and a renewer says which is the newest.',
  approval: 'A move of a protected label waits here until as many people have signed it as the policy asks for.',
  grant:
    'A grant is the key of one version, sealed to one recipient. Anyone who may open the version can make more of them.',
  envelope:
    'An envelope is the signed word of the vault that somebody may run one version at one responder, for a few minutes.',
  key: 'Keys at rest: their names, states and counts. Data keys of managed prompts lie under a key of the organisation, and that lies under a root key of the vault. And which keys of its own a service holds.',
  job: 'Work on keys that goes on by itself, in small steps, and survives the end of any process.',
  invocation:
    'A question, sealed to the responder, with the envelope that allows it. The answer is sealed to the asker and signed to its end.',
  model: 'What may answer at this responder, by the names that prompts say. Where models run is not told.',
  usage:
    'How many runs there were, with how many tokens and at what price: counted by the responder where they ran, by hour, device, prompt and model. The vault adds it up, and knows nothing of what was asked.',
  unsealing:
    'Where people keep the root key of the vault in shares, each process of it waits until it was given enough of them. Until then it does all that needs no root key.',
  audit: 'Every decision, in a Merkle log of each service that nobody can change unseen: readers verify it themselves.',
  health: 'For balancers and orchestrators.',
  interface: 'What this service is, and what it answers.',
} as const satisfies Record<RouteGroup, string>;

/** The group of a route. */
export function groupOf(name: RouteName): RouteGroup {
  return name.slice(0, name.indexOf('.')) as RouteGroup;
}
