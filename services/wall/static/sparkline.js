// Twelve weeks of a cumulative rate as a line without axes. Pure: [[a, b], ...] -> markup.

import { raw } from "./markup.js";

const WIDTH = 100;
const HEIGHT = 44;
const SMALLEST_SPAN = 0.02; // two points: below that a line is calm, not a mountain range

/** Nothing for fewer than two weeks with anything to count. */
export function sparkline(weeks) {
  const points = weeks
    .map(([a, b], i) => (a === 0 ? null : { x: i, y: b / a }))
    .filter((point) => point !== null);
  if (points.length < 2) return raw("");
  const ys = points.map((point) => point.y);
  const middle = (Math.min(...ys) + Math.max(...ys)) / 2;
  const span = Math.max(SMALLEST_SPAN, Math.max(...ys) - Math.min(...ys));
  const path = points.map(({ x, y }) => {
    const across = (WIDTH * x) / (weeks.length - 1);
    const down = HEIGHT * (0.5 - (y - middle) / span);
    return `${across.toFixed(1)},${down.toFixed(1)}`;
  });
  return raw(
    `<svg class="spark" viewBox="-3 -4 ${WIDTH + 6} ${HEIGHT + 8}" aria-hidden="true">` +
      `<polyline points="${path.join(" ")}" fill="none" stroke="currentColor"/></svg>`,
  );
}
