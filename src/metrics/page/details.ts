import { byId, make, setText } from './elements.js';
import { Chart } from './chart.js';
import { limitsText, type Member } from './fleet.js';
import type { Controls } from './controls.js';
import { PLOTS } from './plots.js';
import { NOTHING } from './row.js';

/** One compartment: facts, plots, what happened. */
export class Details {
  readonly #section = byId('details');
  readonly #name = make('h2', { id: 'details-name', tabindex: '-1' });
  readonly #facts = make('dl');
  readonly #warning = make('p', { class: 'warning' });
  readonly #marks = make('ol', { class: 'marks', 'aria-label': 'Marked in the plots' });
  readonly #gone = make('p', { class: 'note', text: 'It has ended. What it used is in compart history.' });
  readonly #charts = PLOTS.map((plot) => new Chart(plot));
  readonly #values = new Map<string, HTMLElement>();
  readonly #controls: Controls;

  constructor(controls: Controls, onClose: () => void) {
    this.#controls = controls;
    const close = make('button', { type: 'button', class: 'close', text: 'Back to all' });
    close.addEventListener('click', onClose);
    for (const fact of ['State', 'Kind', 'PID', 'Started', 'Limits', 'Labels', 'Command']) {
      const value = make('dd');
      this.#values.set(fact, value);
      this.#facts.append(make('div', {}, make('dt', { text: fact }), value));
    }
    const head = make('div', { class: 'head' }, this.#name, controls.element, close);
    const plots = make('div', { class: 'plots' }, ...this.#charts.map(({ element }) => element));
    const key = make(
      'p',
      { class: 'key' },
      make('i', { class: 'oom' }),
      make('span', { text: 'OOM kill' }),
      make('i', { class: 'change' }),
      make('span', { text: 'limits changed' }),
      make('span', { class: 'kept', text: 'the last 5 minutes since this page was opened' }),
    );
    this.#section.append(head, this.#gone, this.#warning, this.#facts, plots, key, this.#marks);
    this.#section.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) onClose();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
      this.#charts.forEach((c) => c.redo()),
    );
    addEventListener('resize', () => this.#charts.forEach((chart) => chart.redo()));
  }

  /** @param member null if there is none of this name any more: what was last shown stays */
  show(name: string, member: Member | null): void {
    this.#section.hidden = false;
    setText(this.#name, name);
    this.#gone.hidden = member !== null;
    this.#controls.show(member);
    if (member === null) return;
    for (const [fact, text] of Object.entries(factsOf(member))) {
      const value = this.#values.get(fact);
      if (value === undefined) continue;
      setText(value, text);
      if (value.parentElement) value.parentElement.hidden = text === NOTHING;
    }
    setText(this.#warning, warningsOf(member));
    this.#warning.hidden = this.#warning.textContent === '';
    for (const chart of this.#charts) chart.show(member.past);
    this.#listMarks(member);
  }

  focus(): void {
    this.#name.focus();
  }

  hide(): void {
    this.#section.hidden = true;
  }

  #listMarks({ past }: Member): void {
    const texts = past.marks.map(
      ({ at, text }) => `${new Date(at * 1000).toLocaleTimeString(undefined, { hour12: false })}  ${text}`,
    );
    const shown = [...this.#marks.children].map((item) => item.textContent);
    if (texts.reverse().join('\n') === shown.join('\n')) return;
    this.#marks.replaceChildren(...texts.map((text) => make('li', { text })));
  }
}

function factsOf({ listed }: Member): Record<string, string> {
  const limits = Object.fromEntries(
    Object.entries(listed.subsystems).map(([kind, { limits }]) => [kind, limits ?? {}]),
  );
  const labels = Object.entries(listed.labels).map(([key, value]) => `${key}=${value}`);
  return {
    State: listed.state,
    Kind: listed.kind,
    PID: String(listed.pid ?? NOTHING),
    Started: listed.startedAt === null ? 'not yet' : new Date(listed.startedAt).toLocaleString(),
    Limits: limitsText(limits),
    Labels: labels.join(', ') || NOTHING,
    Command: listed.command?.join(' ') ?? NOTHING,
  };
}

/** What is not as it was asked for. */
function warningsOf({ listed }: Member): string {
  return Object.values(listed.subsystems)
    .flatMap(({ notEnforced, fault }) => [
      ...notEnforced.map((flag) => `${flag} is not enforced on this host.`),
      ...(fault === undefined ? [] : [`${fault}.`]),
    ])
    .join(' ');
}
