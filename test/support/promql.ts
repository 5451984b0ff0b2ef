import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

/** One metric that a query reads. */
export interface Selector {
  metric: string;
  matchers: Array<{ label: string; op: string; value: string }>;
  /** The range behind it, as in `5m`, or null. */
  range: string | null;
  /** The function whose argument it is, or null. */
  inside: string | null;
}

/** What a query consists of, as far as checks ask. */
export interface ReadQuery {
  /** What is no PromQL. */
  faults: string[];
  selectors: Selector[];
  /** Labels of by, without, on and ignoring. */
  groupings: string[];
}

/** Reads PromQL by the grammar of Prometheus' own editor. Grafana's variables must be filled in. */
export function readQuery(expr: string): ReadQuery {
  const text = (node: Node): string => expr.slice(node.from, node.to);
  const read: ReadQuery = { faults: [], selectors: [], groupings: [] };
  parser.parse(expr).iterate({
    enter: ({ node, type, name }) => {
      if (type.isError) read.faults.push(`"${text(node)}" at ${node.from} of ${expr}`);
      if (name === 'GroupingLabels') read.groupings.push(...node.getChildren('LabelName').map(text));
      if (name === 'VectorSelector') read.selectors.push(selectorOf(node, text));
    },
  });
  return read;
}

function selectorOf(node: Node, text: (node: Node) => string): Selector {
  const metric = node.getChild('Identifier');
  const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : null;
  const range = matrix?.getChild('DurationExpr') ?? null;
  return {
    metric: metric === null ? '' : text(metric),
    matchers: (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map((matcher) => {
      const part = (name: string): string => text(matcher.getChild(name) ?? matcher);
      return { label: part('LabelName'), op: part('MatchOp'), value: part('StringLiteral').slice(1, -1) };
    }),
    range: range === null ? null : text(range),
    inside: callAround(matrix ?? node, text),
  };
}

function callAround(node: Node, text: (node: Node) => string): string | null {
  const call = node.parent?.name === 'FunctionCallBody' ? node.parent.parent : null;
  const name = call?.getChild('FunctionIdentifier') ?? null;
  return name === null ? null : text(name);
}
