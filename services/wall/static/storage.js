// Keeps the last figures through a restart of the television, with the moment they are from.

const keyFor = (search) => `motcua.wall:${search}`;

/** What was kept for this address: {view, figuresAtMs}, or null. */
export function load(search) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyFor(search)));
    return kept && kept.view && kept.figuresAtMs ? kept : null;
  } catch {
    return null; // another version's, or storage is forbidden: nothing is kept then
  }
}

export function save(search, { view, figuresAtMs }) {
  try {
    localStorage.setItem(keyFor(search), JSON.stringify({ view, figuresAtMs }));
  } catch {
    // full or forbidden: the wall works without
  }
}
