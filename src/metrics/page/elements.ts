/** What an element is made with. */
export interface Made {
  class?: string;
  text?: string;
  /** Attributes. */
  [attribute: string]: string | undefined;
}

/** Makes an element. Text is set as text: nothing that a compartment says is ever read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { class: className, text, ...attributes }: Made = {},
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== undefined) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An element of index.html. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** A field of index.html. */
export const inputById = (id: string): HTMLInputElement => byId(id) as HTMLInputElement;

/** Sets the text where it is other than before: what stays the same is not laid out again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
