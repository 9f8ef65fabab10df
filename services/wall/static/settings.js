// How a screen looks and turns, from its address. Pure: parameters -> settings.

import { LANGUAGES } from "./words.js";

const PAGES = ["A", "B", "C", "D", "R"];
const LARGE = 1.15;
const HUGE = 1.3;
const number = (text, from, to, otherwise) => {
  const n = Number(text);
  return text !== null && text !== "" && n >= from && n <= to ? n : otherwise;
};

/** ?pages=A,B&every=20&scale=1&lang=vi&theme=dark&light=07:00-17:00&dim=…&blank=…&public=1 … */
export function settingsFrom(parameters) {
  const get = (name) => parameters.get(name);
  const pages = (get("pages") || "A,B,C,D").toUpperCase().split(",").filter((p) => PAGES.includes(p));
  const scale = number(get("scale"), 0.5, 1.75, 1);
  return {
    pages: pages.length > 0 ? pages : PAGES.slice(0, 4),
    every: number(get("every"), 0.1, 3600, 20), // seconds a page
    scale,
    language: LANGUAGES[get("lang")] ? get("lang") : "vi",
    theme: ["light", "auto"].includes(get("theme")) ? get("theme") : "dark",
    traditional: get("palette") === "truyen-thong",
    publicly: get("public") === "1", // no codes of dossiers
    fixedOrder: get("sort") === "fixed",
    shift: get("shift") !== "0", // against burn-in
    swap: get("swap") === "1",
    light: hours(get("light"), [420, 1020]),
    dim: hours(get("dim"), [1080, 360]),
    blank: hours(get("blank"), null),
    reload: hours(get("reload"), [180, 190]),
    ...fitting(scale),
  };
}

/* All in hundredths of the screen's height, as the style has them. */
const WIDE = 177.8 - 6; // without the margins
const AROUND = 24.2; // header, footer, margins
const HEAD = 7.6; // of a table or a list
const ROW = 5.2;
const LARGE_ROW = 6.2; // words take two lines
const TWO_LINES = 7.8; // of a name
const THREE_LINES = 11;
const DOSSIER = 11.2;
const RATE = 16; // a column with a sign and a rate

/** What fits on a page: a room that needs bigger letters sees fewer of them at once. */
export function fitting(scale) {
  const [large, huge] = [scale > LARGE, scale > HUGE];
  const high = 100 / scale - (huge ? AROUND - 2.4 : AROUND) - (huge ? HEAD - 1.6 : HEAD);
  const wide = WIDE / scale - 4.8;
  const names = huge ? 0.32 : large ? 0.22 : 0.25; // of a table's width, as the style has it
  const fit = (height) => Math.max(1, Math.floor(high / height));
  return {
    large,
    huge,
    tileRows: Math.max(1, Math.min(2, Math.floor(2.05 / scale))),
    tileColumns: scale <= 1 ? null : Math.max(1, Math.floor(4 / scale)), // null: as many as needed
    rows: fit(large ? LARGE_ROW : ROW),
    highRows: fit(large ? THREE_LINES : TWO_LINES),
    steps: fit(TWO_LINES),
    rates: huge ? Math.floor(((1 - names) * wide - 9) / RATE) : Infinity,
    dossiers: fit(DOSSIER),
    names: names * wide - 1,
    longNames: (names + (large && !huge ? 0.04 : 0.1)) * wide - 1,
    list: large ? wide : (wide - 6) / 2,
  };
}

/** "18:00-06:00" -> [1080, 360], minutes of the day; "0" -> null: never */
export function hours(text, otherwise) {
  if (text === "0") return null;
  const match = /^(\d\d?):(\d\d)-(\d\d?):(\d\d)$/.exec(text || "");
  if (!match) return otherwise;
  const [from, to] = [60 * match[1] + Number(match[2]), 60 * match[3] + Number(match[4])];
  return from < 1440 && to <= 1440 ? [from, to] : otherwise;
}

/** Whether a minute of the day lies in the hours, which may go over midnight. */
export function within(minute, span) {
  if (span === null || minute === null) return false;
  const [from, to] = span;
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

const SHIFTS = [[0, 0], [6, 0], [6, 6], [0, 6], [-6, 6], [-6, 0], [-6, -6], [0, -6], [6, -6]];

/** Pixels by which everything is moved in this minute: no letter burns into the screen. */
export function shiftAt(minute) {
  return SHIFTS[(minute || 0) % SHIFTS.length];
}
