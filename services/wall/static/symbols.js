// The signs of the statuses, drawn: a television has no font for ✔ and ▲.

import { raw } from "./markup.js";

const sign = (drawing) =>
  raw(`<svg class="sign" viewBox="0 0 24 24" aria-hidden="true">${drawing}</svg>`);
const stroke = 'fill="none" stroke="currentColor" stroke-width="4.5"';
const cross = sign(`<path d="M4.5 4.5l15 15m0-15l-15 15" ${stroke}/>`);
const triangle = sign('<path d="M12 2.5L23 21.5H1z" fill="currentColor"/>');

export const SIGNS = {
  met: sign(`<path d="M3 13l6 6L21 5" ${stroke}/>`),
  risk: triangle,
  missed: cross,
  none: sign(`<path d="M4 12h16" ${stroke}/>`),
  warning: triangle,
  overdue: sign('<path d="M4 4h16v16H4z" fill="currentColor"/>'),
  soon: sign('<path d="M12 1.5L22.5 12 12 22.5 1.5 12z" fill="currentColor"/>'),
  live: sign('<circle cx="12" cy="12" r="7" fill="currentColor"/>'),
  quiet: sign(`<circle cx="12" cy="12" r="7" fill="none" stroke="currentColor" stroke-width="3"/>`),
  lost: cross,
  ahead: sign(`<path d="M2 12h18m-7-7l7 7-7 7" fill="none" stroke="currentColor" stroke-width="3.5"/>`),
};
