/** Shows answers and errors on the page. */
import { toJsonString } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type RollcallError, rollcallErrorOf, type User, UserSchema } from "rollcall/contract";
import { make } from "./elements.ts";

type Shown = readonly Node[];

export function showUser(heading: string, user: User | undefined): Shown {
  const json = user === undefined ? "" : toJsonString(UserSchema, user, { prettySpaces: 2, useProtoFieldName: true });
  return [make("h3", heading), make("pre", json)];
}

/** A page of users, with a button for the next page if there is one. */
export function showUsers(users: readonly User[], onNext: (() => void) | undefined): Shown {
  if (users.length === 0) return [make("h3", "No users")];
  const head = make("tr", ...["Id", "Properties", "Updated"].map((title) => make("th", title)));
  const rows = users.map(({ id, properties, updatedAt }) => {
    const updated = updatedAt === undefined ? "" : timestampDate(updatedAt).toLocaleString();
    return make("tr", make("td", id), make("td", make("code", JSON.stringify(properties))), make("td", updated));
  });
  const shown = [make("h3", "Users"), make("table", make("thead", head), make("tbody", ...rows))];
  if (onNext === undefined) return shown;
  const next = make("button", "Next page");
  next.addEventListener("click", onNext);
  return [...shown, next];
}

/** The code, reason and violations of an error, and advice. */
export function showFailure(failure: unknown): Shown {
  if (!(failure instanceof ConnectError))
    return [refusal("Nothing was sent"), make("p", failure instanceof Error ? failure.message : String(failure))];
  const error = rollcallErrorOf(failure);
  const { code, reason, rawMessage, violations } = error;
  const shown = [refusal(reason === undefined ? nameOf(code) : `${nameOf(code)}: ${reason}`), make("p", rawMessage)];
  if (violations.length > 0) {
    shown.push(
      make("ul", ...violations.map(({ field, description }) => make("li", make("code", field), ` ${description}`))),
    );
  }
  const help = helpWith(error);
  return help === undefined ? shown : [...shown, make("p", help)];
}

function refusal(text: string): HTMLElement {
  const heading = make("h3", text);
  heading.className = "refusal";
  return heading;
}

/** `InvalidArgument` in the contract's form: `INVALID_ARGUMENT`. */
function nameOf(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

function helpWith({ code, reason, retryDelayMs }: RollcallError): string | undefined {
  if (retryDelayMs !== undefined) return `The server invites another attempt after ${retryDelayMs} ms.`;
  if (code === Code.DeadlineExceeded) return "A write may have been applied.";
  // A browser does not tell a page why a call failed.
  if (code !== Code.Unknown || reason !== undefined) return undefined;
  return `Is the server there, and is ${location.origin} one of its --cors-origins?`;
}
