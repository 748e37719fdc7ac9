/** The page: makes the calls of its forms, and shows the answers. */
import { Outcome } from "rollcall/contract";
import { showFailure, showUser, showUsers } from "./answers.ts";
import { elementOf } from "./elements.ts";
import { readConnection, readUser } from "./forms.ts";
import { usersAt } from "./users.ts";

type Users = ReturnType<typeof usersAt>;
type Action = (users: Users, signal: AbortSignal) => Promise<readonly Node[]>;

const connectionForm = elementOf("connection", HTMLFormElement);
const userForm = elementOf("user", HTMLFormElement);
const answer = elementOf("answer", HTMLElement);
const pageSize = 20;
let underWay = new AbortController();

connectionForm.addEventListener("submit", (event) => event.preventDefault());
userForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
  if (asked === "identify") run(identify);
  else if (asked === "list") run(listFrom(""));
  else run(get);
});

async function identify(users: Users, signal: AbortSignal): Promise<readonly Node[]> {
  const { id, properties } = readUser(userForm);
  const { user, outcome } = await users.identify({ id, properties: properties() }, { signal });
  return showUser(Outcome[outcome], user);
}

async function get(users: Users, signal: AbortSignal): Promise<readonly Node[]> {
  const { user } = await users.getUser({ id: readUser(userForm).id }, { signal });
  return showUser("Stored", user);
}

function listFrom(pageToken: string): Action {
  return async (users, signal) => {
    const { users: listed, nextPageToken } = await users.listUsers({ pageSize, pageToken }, { signal });
    return showUsers(listed, nextPageToken === "" ? undefined : () => run(listFrom(nextPageToken)));
  };
}

/** One call at a time: a new call cancels the previous one. */
async function run(action: Action): Promise<void> {
  if (!connectionForm.reportValidity()) return;
  underWay.abort();
  underWay = new AbortController();
  const { signal } = underWay;
  answer.ariaBusy = "true";
  const shown = await action(usersAt(readConnection(connectionForm)), signal).catch(showFailure);
  if (signal.aborted) return;
  answer.replaceChildren(...shown);
  answer.ariaBusy = "false";
}
