// Errors: the one that fails a row, and the text of all others.

/** An error that fails this row and no other: its outputs are null, and the message is kept as the reason. */
export class RowError extends Error {
  name = "RowError";
}

/** The text of an error as the host gets it: what happened, in which row, and where in the script. */
export function explain(error, row) {
  const place = row === undefined ? "" : ` (row ${row})`;
  if (!(error instanceof Error)) return `threw ${typeof error === "string" ? JSON.stringify(error) : String(error)}${place}`;
  const stack = String(error.stack ?? "").trimEnd();
  const lines = stack.split("\n").filter((line) => !line.includes("skewless/") && line.trim() !== "at <native>");
  const cause = error.cause === undefined ? "" : `\n  caused by ${explain(error.cause)}`;
  return [`${error.name}: ${error.message}${place}`, ...lines.filter((line) => line !== "")].join("\n") + cause;
}
