// The line of a cumulative rate, its target, its roadmap and where it will end. Pure: -> SVG.

import { dayParts, percent } from "./format.js";
import { html } from "./markup.js";

const [WIDTH, HEIGHT] = [1320, 730]; // in pixels of a full HD screen: its box there
const PLOT = { left: 92, right: 1296, top: 24, bottom: 668 };
const STEPS = [1, 2, 5, 10, 20, 25, 50];
const MOST_LINES = 5;
const LABEL = { width: 290, height: 52 };
const EDGE = 50; // so close to the edge a label must end at its point

export function chart(view, indicator, words) {
  const points = pointsOf(view, indicator);
  const scale = scaleOf(view, indicator, points);
  const target = indicator.target[0] / indicator.target[1];
  const at = ([day, value]) => `${scale.x(day).toFixed(1)},${scale.y(value).toFixed(1)}`;
  return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${
    words.pages.D
  }">
    ${scale.values.map((value) => gridLine(value, scale))}
    ${monthsOf(view, words).map(([day, text]) => html`<text class="axis month" x="${scale.x(day)}" y="${
      PLOT.bottom + 48
    }" text-anchor="${scale.x(day) > PLOT.right - EDGE ? "end" : "middle"}">${text}</text>`)}
    ${targetLine(target, points, scale, indicator, words)}
    ${roadmap(view, indicator, points, scale, at, words)}
    ${fan(view, indicator, points, at)}
    ${points.length > 1 && html`<polyline class="line" points="${points.map(at).join(" ")}"/>`}
    ${points.length > 0 && dot(points[points.length - 1], scale)}
  </svg>`;
}

/** [[day, percent]] from the first week with anything to count. */
export function pointsOf(view, { a, b, weeks }) {
  return [...weeks, [a, b]]
    .map(([scope, hit], i) => (scope > 0 ? [view.days[i], (100 * hit) / scope] : null))
    .filter((point) => point !== null);
}

function scaleOf(view, indicator, points) {
  const { prospect, roadmap: steps } = indicator;
  const bounds = prospect.rate === null ? [] : [prospect.low / 10, prospect.high / 10];
  const values = [
    indicator.target[0] / indicator.target[1],
    ...points.map(([, value]) => value),
    ...bounds,
    ...steps.map(([, [numerator, denominator]]) => numerator / denominator),
  ];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = STEPS.find((one) => (high - low) / one <= MOST_LINES - 1) || 50;
  let [from, to] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  // a line on the very edge would look cut
  if (to - high < step / 5 && to < 100) to += step;
  if (low - from < step / 5 && from > 0) from -= step;
  const days = Math.max(1, view.last_day - view.first_day);
  return {
    x: (day) => PLOT.left + ((PLOT.right - PLOT.left) * (day - view.first_day)) / days,
    y: (value) => PLOT.bottom - ((PLOT.bottom - PLOT.top) * (value - from)) / Math.max(1, to - from),
    values: Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step),
  };
}

function gridLine(value, scale) {
  const y = scale.y(value);
  return html`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}"/>
    <text class="axis" x="${PLOT.left - 16}" y="${y + 12}" text-anchor="end">${value}</text>`;
}

/** [[day, text]] below the axis, as many as there is room for. */
function monthsOf(view, words) {
  const found = [];
  for (let day = view.first_day; day <= view.last_day; day += 1) {
    const { year, month, day: of } = dayParts(day);
    if (of === 15) found.push([day, `${words.month}${month}`, year]);
  }
  if (found.length > 14) {
    return [...new Set(found.map(([, , year]) => year))].map((year) => {
      const days = found.filter((one) => one[2] === year).map(([day]) => day);
      return [days[Math.floor(days.length / 2)], String(year)];
    });
  }
  if (found.length > 1) return found;
  const step = Math.max(1, Math.round((view.last_day - view.first_day) / 5));
  const days = Array.from({ length: 5 }, (_, i) => view.first_day + Math.round((i + 0.5) * step));
  return days.filter((day) => day <= view.last_day).map((day) => [day, dayParts(day).dayMonth]);
}

/** Named beside its line where no other line runs. */
function targetLine(target, points, scale, indicator, words) {
  const y = scale.y(target);
  const { x, above } = freePlace(y, points, scale);
  return html`<line class="target" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}"/>
    <text class="target" x="${x}" y="${above ? y - 14 : y + 42}">${words.targetLine} ${percent(
      indicator.target,
      words,
    )}%</text>`;
}

function freePlace(y, points, scale) {
  const drawn = points.flatMap(([day, value], i) => {
    const [next, then] = points[i + 1] || [day, value];
    // between two weeks as well: a line may be steep
    return [0, 0.25, 0.5, 0.75].map((part) => [
      scale.x(day + part * (next - day)),
      scale.y(value + part * (then - value)),
    ]);
  });
  const places = [0.01, 0.3, 0.55, 0.72].flatMap((part) =>
    [true, false].map((above) => ({ x: PLOT.left + part * (PLOT.right - PLOT.left), above })),
  );
  const isFree = ({ x, above }) => {
    const [top, bottom] = above ? [y - LABEL.height, y] : [y, y + LABEL.height];
    if (top < PLOT.top - 20 || bottom > PLOT.bottom) return false;
    const hit = ([px, py]) => px > x - 12 && px < x + LABEL.width && py > top - 8 && py < bottom + 8;
    return !drawn.some(hit);
  };
  return places.find(isFree) || places[0];
}

/** Nothing where the roadmap asks for the target from its first step on: that is drawn already. */
function roadmap(view, { target, roadmap: steps }, points, scale, at, words) {
  const line = steps.map(([day, [numerator, denominator]]) => [day, numerator / denominator]);
  const year = target[0] / target[1];
  if (line.every(([, value]) => value === year)) return null;
  const named = nameAt(line, points, scale, scale.y(year));
  return html`<polyline class="roadmap" points="${line.map(at).join(" ")}"/>
    ${named && html`<text class="axis" x="${named.x}" y="${named.y}">${words.roadmapLine}</text>`}`;
}

/** Below one of its steps, clear of the target's name and of the line. */
function nameAt(line, points, scale, targetY) {
  const drawn = points.map(([day, value]) => [scale.x(day), scale.y(value)]);
  const places = line.map(([day, value]) => ({ x: scale.x(day), y: scale.y(value) + 44 }));
  return places.find(({ x, y }) => {
    if (y > PLOT.bottom || x > PLOT.right - LABEL.width / 2) return false;
    if (Math.abs(y - targetY) < 1.6 * LABEL.height) return false;
    return !drawn.some(([px, py]) => px > x - 12 && px < x + LABEL.width / 2 && py > y - LABEL.height && py < y + 8);
  });
}

function fan(view, { prospect }, points, at) {
  if (prospect.rate === null || points.length === 0) return null;
  const now = points[points.length - 1];
  const [low, rate, high] = [prospect.low, prospect.rate, prospect.high].map((n) => n / 10);
  const edge = [now, [view.last_day, high], [view.last_day, low]];
  return html`<polygon class="fan" points="${edge.map(at).join(" ")}"/>
    <polyline class="ahead" points="${[now, [view.last_day, rate]].map(at).join(" ")}"/>`;
}

const dot = ([day, value], scale) =>
  html`<circle class="dot" cx="${scale.x(day)}" cy="${scale.y(value)}" r="11"/>`;
