// What the forms of a bed have in common.

import type { ActRefused } from "../../feed/acts";

/** The service's bound on reasons. */
export const REASON_MAX = 128;

/** What a refusal says of one of a form's fields; empty where it is of another. */
export function atField(refused: ActRefused | null, ...fields: readonly string[]): string {
  return refused !== null && fields.includes(refused.field) ? refused.message : "";
}

/** What a refusal says where it names none of a form's fields. */
export function ofForm(refused: ActRefused | null, fields: readonly string[]): string {
  return refused === null || fields.includes(refused.field) ? "" : refused.message;
}
