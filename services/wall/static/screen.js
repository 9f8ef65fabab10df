// The whole screen from everything that is known. Pure: (state, settings, rotation, clock) -> parts.

import { comparison } from "./certificate.js";
import { dueLists, dueParts } from "./due.js";
import { minuteOfDay } from "./format.js";
import { header, isCrowded, status, strip } from "./frame.js";
import { freshness, serverNowMs } from "./freshness.js";
import { columnsFor, tiles } from "./overview.js";
import { roadmapTable } from "./roadmap.js";
import { parts, slideAt, stepAt } from "./rotation.js";
import { within } from "./settings.js";
import { trend, trendParts } from "./trend.js";
import { matrix, matrixParts } from "./units.js";
import { LANGUAGES } from "./words.js";

/** A demonstration shows a working day at whatever hour: its own clock rules, not the room's. */
const NOON = 12 * 60;

/**
 * {fresh, compared, header, crowded, strip, status, main, minute, theme, dim, blank, words}. `main` is {page, markup},
 * or of page A {page, tiles, columns, rows}, whose tiles are put on the screen one by one.
 */
export function screen(state, settings, rotation, at, startedAt, limits) {
  const words = LANGUAGES[settings.language];
  const nowMs = serverNowMs(state, at);
  const fresh = freshness(state, at, startedAt, limits, words);
  const compared = comparison(state.certificate, nowMs, words);
  const minute = nowMs === null ? null : minuteOfDay(nowMs);
  const scheduled = state.view && state.view.demo ? NOON : minute;
  const lastEventAt = state.beat ? state.beat.last_event_at : null;
  const slide = slideAt(pagesOf(state.view, settings), stepAt(rotation, at, settings.every));
  const main = state.view ? mainOf(state.view, slide, settings, words, nowMs, fresh) : null;
  return {
    fresh, compared, minute, main, words,
    crowded: isCrowded(state.view),
    header: header(state.view, nowMs, main && main.scope, words),
    strip: strip(state.view, fresh, lastEventAt, words),
    status: status(fresh, compared, fresh.band ? null : placeOf(slide, rotation, words)),
    theme: settings.theme === "auto" ? autoTheme(scheduled, settings) : settings.theme,
    dim: within(scheduled, settings.dim),
    blank: within(scheduled, settings.blank),
  };
}

/** Pages that have something to say: what is urgent now is none of a period that is over. */
export function pagesOf(view, settings) {
  if (view === null) return settings.pages;
  const says = {
    A: true,
    B: view.rows.length > 0,
    C: (view.overdue !== null && view.officer === null) || view.late.length > 0 || view.soon.length > 0,
    D: view.indicators.length > 0,
    R: view.indicators.length > 0,
  };
  const shown = settings.pages.filter((page) => says[page]);
  return shown.length > 0 ? shown : ["A"];
}

function mainOf(view, { page, turn }, settings, words, nowMs, fresh) {
  const nth = (list) => list[turn % list.length];
  switch (page) {
    case "B": {
      const part = nth(matrixParts(view, settings));
      const whose = view.unit === null ? words.groups[part.level] || part.level : view.unit_name;
      const scope = `${whose} · ${part.of} ${view.unit === null ? words.units : words.officers}`;
      return { page, scope, markup: matrix(view, part, settings, words) };
    }
    case "C": {
      const part = nth(dueParts(view, settings, nowMs));
      return { page, scope: null, markup: dueLists(view, part, settings, words, nowMs) };
    }
    case "D":
      return { page, scope: null, markup: trend(view, nth(trendParts(view, settings)), words) };
    case "R": {
      const some = nth(parts(view.indicators, settings.steps));
      return { page, scope: null, markup: roadmapTable(view, some, settings, words) };
    }
    default: {
      const columns = settings.tileColumns || columnsFor(view);
      const all = tiles(view, words, fresh.dashes);
      const some = nth(parts(all, settings.tileRows * columns));
      const rows = Math.min(settings.tileRows, Math.ceil(some.length / columns));
      return { page, scope: null, tiles: some, columns: Math.min(columns, some.length), rows };
    }
  }
}

function placeOf({ position, of }, rotation, words) {
  if (rotation.paused) return words.paused;
  return of > 1 ? `${words.page} ${position}/${of}` : null;
}

const autoTheme = (minute, { light }) => (within(minute, light) ? "light" : "dark");
