import { make, setText } from './elements.js';
import type { Member } from './fleet.js';

/** Sends a command to the server; rejects with what it says against it. */
export type Send = (name: string, verb: string, body: object) => Promise<void>;

interface LimitInput {
  flag: string;
  label: string;
  placeholder: string;
  /** Only for those that have this subsystem. */
  kind: string;
}

const INPUTS: readonly LimitInput[] = [
  { flag: 'mem', label: 'Memory', placeholder: '512M, max', kind: 'vm' },
  { flag: 'cpu', label: 'CPU', placeholder: '50%, 1.5, max', kind: 'sched' },
  { flag: 'net', label: 'Network, down/up', placeholder: '10mbit/2mbit', kind: 'net' },
  { flag: 'pids', label: 'Tasks', placeholder: '100, max', kind: 'pids' },
];

/** Freeze, kill and set, where the server allows it. */
export class Controls {
  readonly element = make('div', { class: 'controls', role: 'group', 'aria-label': 'Control' });
  readonly #send: Send;
  readonly #freeze = make('button', { type: 'button', text: 'Freeze' });
  readonly #error = make('p', { class: 'error', role: 'alert' });
  readonly #killed = make('p');
  readonly #kill: HTMLDialogElement;
  readonly #set: HTMLDialogElement;
  readonly #inputs = new Map<string, HTMLInputElement>();
  readonly #setError = make('p', { class: 'error', role: 'alert' });
  #allowed = false;
  #member: Member | null = null;

  constructor(send: Send) {
    this.#send = send;
    this.#kill = this.#makeKill();
    this.#set = this.#makeSet();
    const kill = make('button', { type: 'button', text: 'Kill…' });
    const set = make('button', { type: 'button', text: 'Set limits…' });
    this.#freeze.addEventListener('click', () => void this.#toggleFrozen());
    kill.addEventListener('click', () => this.#openKill());
    set.addEventListener('click', () => this.#openSet());
    this.element.append(this.#freeze, set, kill, this.#error);
    document.body.append(this.#kill, this.#set);
  }

  allow(allowed: boolean): void {
    this.#allowed = allowed;
  }

  show(member: Member | null): void {
    if (member?.listed.id !== this.#member?.listed.id) setText(this.#error, '');
    this.#member = member;
    this.element.hidden = !this.#allowed || member === null;
    setText(this.#freeze, member?.listed.state === 'frozen' ? 'Thaw' : 'Freeze');
  }

  async #toggleFrozen(): Promise<void> {
    const verb = this.#member?.listed.state === 'frozen' ? 'thaw' : 'freeze';
    await this.#try(verb, {}, this.#error);
  }

  /** @returns whether it was done */
  async #try(verb: string, body: object, error: HTMLElement): Promise<boolean> {
    setText(error, '');
    try {
      await this.#send(this.#member?.listed.name ?? '', verb, body);
      return true;
    } catch (reason) {
      setText(error, reason instanceof Error ? reason.message : String(reason));
      return false;
    }
  }

  #openKill(): void {
    const { name = '' } = this.#member?.listed ?? {};
    setText(this.#killed, `Every process of ${name} is ended at once. This cannot be undone.`);
    this.#kill.showModal();
  }

  #openSet(): void {
    setText(this.#setError, '');
    for (const { flag, kind } of INPUTS) {
      const input = this.#inputs.get(flag);
      if (input === undefined) continue;
      input.value = '';
      input.disabled = this.#member?.listed.subsystems[kind] === undefined;
    }
    this.#set.showModal();
  }

  #makeKill(): HTMLDialogElement {
    const confirm = make('button', { type: 'submit', class: 'danger', text: 'Kill' });
    const form = make(
      'form',
      {},
      make('h2', { id: 'kill-title', text: 'Kill?' }),
      this.#killed,
      buttons(confirm),
    );
    const dialog = make('dialog', { 'aria-labelledby': 'kill-title' }, form);
    onSubmit(dialog, form, async () => {
      await this.#try('kill', {}, this.#error);
      return true;
    });
    return dialog;
  }

  #makeSet(): HTMLDialogElement {
    const fields = INPUTS.map(({ flag, label, placeholder }) => {
      const input = make('input', { name: flag, placeholder, autocomplete: 'off', spellcheck: 'false' });
      this.#inputs.set(flag, input);
      return make('label', {}, make('span', { text: label }), input);
    });
    const help = make('p', { text: 'As in compart set. What is left empty stays as it is.' });
    const confirm = make('button', { type: 'submit', text: 'Set' });
    const title = make('h2', { id: 'set-title', text: 'Set limits' });
    const form = make('form', {}, title, help, ...fields, this.#setError, buttons(confirm));
    const dialog = make('dialog', { 'aria-labelledby': 'set-title' }, form);
    onSubmit(dialog, form, () => this.#try('set', this.#limits(), this.#setError));
    return dialog;
  }

  #limits(): Record<string, string> {
    const given = [...this.#inputs].map(([flag, { value }]) => [flag, value.trim()] as const);
    return Object.fromEntries(given.filter(([, value]) => value !== ''));
  }
}

function buttons(confirm: HTMLButtonElement): HTMLElement {
  const cancel = make('button', { type: 'button', text: 'Cancel' });
  cancel.addEventListener('click', () => cancel.closest('dialog')?.close());
  return make('div', { class: 'buttons' }, cancel, confirm);
}

/** @param act answers whether the dialog may close */
function onSubmit(dialog: HTMLDialogElement, form: HTMLFormElement, act: () => Promise<boolean>): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void act().then((done) => {
      if (done) dialog.close();
    });
  });
}
