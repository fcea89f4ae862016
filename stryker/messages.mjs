import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/**
 * Leaves out the words of an error: what is passed to a function or a constructor and has a space in it. Codes and names
 * of checks have none. Words are not part of any interface; a test that spells them out would only be in the way.
 */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore({ node, parent, listKey }) {
      const passed = listKey === 'arguments' && ['CallExpression', 'NewExpression'].includes(parent?.type);
      return passed && textOf(node).includes(' ') ? 'words of an error' : undefined;
    },
  }),
];

function textOf(node) {
  if (node.type === 'StringLiteral') return node.value;
  return node.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.raw).join('') : '';
}
