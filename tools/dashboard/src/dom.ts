// Elements from values. Text is always set as text, never as markup.
export type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) out.setAttribute(name, value);
  out.append(...children);
  return out;
}

// Writes text only when it differs, so that selections and screen readers are not disturbed.
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text;
}

// A card with a heading; the heading labels it.
export function card(id: string, title: string, ...children: Child[]): HTMLElement {
  return el(
    "section",
    { class: "card", id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
    ...children,
  );
}
