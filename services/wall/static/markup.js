// Text to markup: escapes everything that is not markup already.

class Markup {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/** Markup that is trusted as it stands; only for constants of these files. */
export const raw = (text) => new Markup(text);

/** html`<b>${text}</b>`: values are escaped, Markup is not, lists are joined, null is nothing. */
export function html(strings, ...values) {
  return new Markup(strings.reduce((all, part, i) => all + written(values[i - 1]) + part));
}

function written(value) {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(written).join("");
  return String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Puts the markup into the element when it differs from what was put there last. */
export function place(element, markup) {
  const text = String(markup);
  if (element.placed === text) return;
  element.placed = text;
  element.innerHTML = text;
}
