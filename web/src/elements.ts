// Elements with a class, a text or children.

type Child = Node | string;

/** Create an element: `create("p.sentence", "text")`. */
export function create(kind: string, ...children: Child[]): HTMLElement {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  element.append(...children);
  return element;
}

/** An emotion's name as it begins a sentence. */
export function capital(name: string): string {
  return name[0].toUpperCase() + name.slice(1);
}
