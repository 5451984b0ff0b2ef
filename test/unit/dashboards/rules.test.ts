import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { committed, rules } from '../../support/boards.js';

interface RuleTests {
  tests: Array<{
    alert_rule_test?: Array<{ alertname: string; exp_alerts: unknown[] }>;
    promql_expr_test?: Array<{ expr: string }>;
  }>;
}
const testsOf = (name: string): RuleTests['tests'] =>
  (parse(committed(`rules/${name}.test.yml`)) as RuleTests).tests;
const alerts = rules('alerts').map((rule) => ({ name: rule.alert ?? '', ...rule }));

describe('the alerts', () => {
  it('are the 11 of the schema, one for what was gone before a scrape, and one for what has left', () => {
    expect(alerts.map(({ name }) => name.replace('Compart', ''))).toEqual([
      'OOMKill',
      'OOMKillInRemoved',
      'MemoryNearLimit',
      'MemoryStalled',
      'CPUThrottled',
      'PidsNearLimit',
      'BandwidthSaturated',
      'RestartLoop',
      'FrozenLong',
      'Escaped',
      'GuestDown',
      'CollectorFailing',
      'ExporterDown',
    ]);
  });

  it.each(alerts)('$name has a severity, and says which compartment or host and how much', (each) => {
    const { name, labels, annotations = {} } = each;
    expect(['info', 'warning', 'critical']).toContain(labels['severity']);
    const { summary = '', description = '' } = annotations;
    expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    const who = /OOMKillInRemoved|Collector|Exporter/.test(name) ? 'instance' : 'compartment';
    for (const text of [summary, description]) expect(text).toContain(`$labels.${who}`);
    expect(description).toContain('$labels.instance');
    expect(description).toContain('$value');
  });

  it.each(alerts)('$name has a test in which it fires and one in which it does not', ({ name }) => {
    const checks = testsOf('alerts')
      .flatMap((each) => each.alert_rule_test ?? [])
      .filter(({ alertname }) => alertname === name);
    expect(checks.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
    expect(checks.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
  });

  it.each(alerts)('$name is in docs/dashboards.md', ({ name, labels }) => {
    expect(committed('../docs/dashboards.md')).toMatch(
      new RegExp(`^\\| ${name} \\|.*\\| ${labels['severity'] ?? ''} \\|$`, 'm'),
    );
  });
});

describe('the recorded names of cAdvisor', () => {
  const records = rules('recording').map(({ record }) => record ?? '');

  it('all start container_, and none is recorded twice', () => {
    expect(records.filter((name) => !name.startsWith('container_'))).toEqual([]);
    expect(new Set(records).size).toBe(records.length);
  });

  it('have a test each', () => {
    const tested = testsOf('recording').flatMap((each) => each.promql_expr_test ?? []);
    expect(records.filter((name) => !tested.some(({ expr }) => expr === name))).toEqual([]);
  });
});
