// Keeps the last figures through a restart of the television, with the moment they are from.

const keyFor = (search) => `motcua.wall:${search}`;

/** What a page of this build kept for this address: {view, figuresAtMs}, or null. */
export function load(search, build) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyFor(search)));
    // what another build kept may lack what this one shows
    if (!kept || kept.build !== build) return null;
    return { view: kept.view, figuresAtMs: kept.figuresAtMs };
  } catch {
    return null; // storage is forbidden: nothing is kept then
  }
}

export function save(search, build, { view, figuresAtMs }) {
  try {
    localStorage.setItem(keyFor(search), JSON.stringify({ build, view, figuresAtMs }));
  } catch {
    // full or forbidden: the wall works without
  }
}
