import { describe, expect } from '@jest/globals';
import { parseExposition, valueOf, type Exposed } from '../support/exposition.js';
import { useGuests, withGuests as it } from '../support/guests.js';
import { MIB } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const { boot, detach, sh, remove, last } = useGuests(sandbox);

async function metrics(): Promise<Exposed> {
  const { status, stdout, stderr } = await sandbox.current.compart(['metrics']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return parseExposition(stdout);
}

describe('metrics of a guest', () => {
  it('are what it says of itself, beside what the host is charged for it', async () => {
    await detach('vm', '--mem', '96M');
    const exposed = await metrics();
    const value = (name: string, labels: Record<string, string> = {}): number | null =>
      valueOf(exposed, `compart_${name}`, { compartment: 'vm', ...labels });
    expect(valueOf(exposed, 'compart_info', { compartment: 'vm', kind: 'guest' })).toBe(1);
    expect(value('guest_up')).toBe(1);
    const total = Number(await sh('vm', "sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) * 1024;
    expect(value('guest_memory_total_bytes')).toBe(total);
    expect(total).toBeLessThan(96 * MIB);
    expect(value('memory_limit_bytes')).toBeGreaterThan(96 * MIB);
    expect(value('guest_memory_available_bytes')).toBeGreaterThan(0);
    expect(value('guest_memory_available_bytes')).toBeLessThan(total);
    const stages = ['kernel', 'init', 'ready'].map(
      (stage) => value('guest_boot_duration_seconds', { stage }) ?? NaN,
    );
    expect(stages[0]).toBeGreaterThan(0);
    expect(stages).toEqual([...stages].sort((a, b) => a - b));
    expect(valueOf(exposed, 'compart_boot_duration_seconds_count')).toBe(1);
    expect(valueOf(exposed, 'compart_boot_duration_seconds_sum')).toBeCloseTo(stages[2] ?? NaN, 5);
    await remove('vm');
    const after = await metrics();
    expect(valueOf(after, 'compart_boot_duration_seconds_count')).toBe(1);
    expect(valueOf(after, 'compart_guest_up', { compartment: 'vm' })).toBeNull();
  });

  it('count a panic as one, and what its own OOM killer killed in its verdict', async () => {
    await boot(['--mem', '64M', '--', 'sh', '-c', 'echo c > /proc/sysrq-trigger']);
    expect((await last()).guest).toMatchObject({ reason: 'panic' });
    await boot(['--mem', '64M', '--', 'tail', '/dev/zero']);
    const { verdict, limitHit, guest } = await last();
    expect([verdict, limitHit, guest?.oomKills]).toEqual(['oom', 'vm', 1]);
    const exposed = await metrics();
    expect(valueOf(exposed, 'compart_host_exits_total', { reason: 'panic' })).toBe(1);
    expect(valueOf(exposed, 'compart_host_exits_total', { reason: 'oom' })).toBe(1);
  });
});

describe('events of a guest', () => {
  it('tell of what its own OOM killer killed, while it goes on', async () => {
    const watching = sandbox.current.start(['events', '--json']);
    let told = '';
    watching.stdout?.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await detach('vm', '--mem', '64M');
    await sh('vm', 'tail /dev/zero; true').catch(() => '');
    for (let tries = 0; tries < 100 && !told.includes('"oom"'); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    watching.kill('SIGINT');
    await watching;
    const events = told
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; detail: Record<string, unknown> });
    expect(events.filter(({ event }) => event === 'oom').map(({ detail }) => detail)).toEqual([
      { oomKills: 1 },
    ]);
    await remove('vm');
  });
});
