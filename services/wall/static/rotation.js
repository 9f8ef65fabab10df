// Which page is on the screen. Pure: (slots, rotation, seconds) -> slide.

/** A stands between all others: long rotations hide what matters. */
export function slotsOf(pages) {
  const others = pages.filter((page) => page !== "A");
  if (!pages.includes("A")) return others;
  return others.length === 0 ? ["A"] : others.flatMap((page) => ["A", page]);
}

/** The rotation from the beginning; it is `step` + whole turns since `since` (seconds). */
export const startRotation = (at) => ({ step: 0, since: at, paused: false });

export function stepAt(rotation, at, every) {
  if (rotation.paused) return rotation.step;
  return rotation.step + Math.floor(Math.max(0, at - rotation.since) / every);
}

/** One page on or back; the page that comes stays for its whole time. */
export function turned(rotation, by, at, every) {
  return { ...rotation, step: Math.max(0, stepAt(rotation, at, every) + by), since: at };
}

export function paused(rotation, at, every) {
  return { step: stepAt(rotation, at, every), since: at, paused: !rotation.paused };
}

/**
 * {page, position, of, turn}: `position` of the page among those that are shown, `turn` counts how
 * often it has come: of a page with parts it chooses the part.
 */
export function slideAt(pages, step) {
  const slots = slotsOf(pages);
  const slot = step % slots.length;
  const page = slots[slot];
  const cycle = Math.floor(step / slots.length);
  const often = slots.filter((one) => one === page).length;
  const before = slots.slice(0, slot).filter((one) => one === page).length;
  const order = [...new Set(slots)];
  return { page, position: order.indexOf(page) + 1, of: order.length, turn: cycle * often + before };
}

/** Parts of at most `most` each, of nearly equal size; at least one. */
export function parts(list, most) {
  const count = Math.max(1, Math.ceil(list.length / most));
  const size = Math.ceil(list.length / count);
  return Array.from({ length: count }, (_, i) => list.slice(i * size, (i + 1) * size));
}
