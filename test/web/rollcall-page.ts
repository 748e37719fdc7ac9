/** The page of clients/web, as whoever sits before the browser has it, and what the browser sends for it. */
import type { Browser, CDPSession, Page } from "playwright-core";

const stepTimeoutMs = 15_000;

export interface Connection {
  readonly server: string;
  readonly token?: string;
  readonly protocol?: "Connect" | "gRPC-Web";
  readonly encoding?: "binary" | "JSON";
  readonly timeoutMs?: number;
}

/** A call that the page has made. */
export interface Call {
  readonly contentType: string;
  /** Not there where the browser got no answer, or keeps it from the page. */
  answer?: { readonly httpVersion: string; readonly status: number; readonly connection: number };
  /** Why the browser kept the page from it, by CORS. */
  corsError?: string;
}

/** What the page shows of an answer. */
export interface Shown {
  readonly heading: string;
  readonly text: string;
}

export class RollcallPage {
  readonly origin: string;
  /** The calls to the server that it uses. */
  calls: Call[] = [];
  readonly #page: Page;
  #server = "";

  private constructor(page: Page, origin: string) {
    this.#page = page;
    this.origin = origin;
  }

  static async open(browser: Browser, origin: string): Promise<RollcallPage> {
    const context = await browser.newContext();
    context.setDefaultTimeout(stepTimeoutMs);
    const page = await context.newPage();
    const opened = new RollcallPage(page, origin);
    await opened.#watchCalls(await context.newCDPSession(page));
    await page.goto(origin);
    return opened;
  }

  async use({ server, token = "", protocol = "Connect", encoding = "binary", timeoutMs = 10_000 }: Connection) {
    await this.#page.getByLabel("URL").fill(server);
    await this.#page.getByLabel("Token").fill(token);
    await this.#page.getByLabel("Protocol").selectOption(protocol);
    await this.#page.getByLabel("Encoding").selectOption(encoding);
    await this.#page.getByLabel("Deadline").fill(String(timeoutMs));
    this.#server = server;
    this.calls = [];
  }

  async identify(id: string, properties: string): Promise<Shown> {
    await this.#page.getByLabel("Properties").fill(properties);
    return this.#press("Identify", id);
  }

  get(id: string): Promise<Shown> {
    return this.#press("Get", id);
  }

  list(): Promise<Shown> {
    return this.#press("List users", "");
  }

  /** @returns the HTTP status of each of so many GetUser calls, which the page's origin makes at once in JSON */
  getAtOnce(id: string, times: number): Promise<readonly number[]> {
    const request = { url: `${this.#server}/rollcall.v1.UserService/GetUser`, body: JSON.stringify({ id }), times };
    return this.#page.evaluate(async ({ url, body, times }) => {
      const call = async () => {
        const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
        await answer.arrayBuffer();
        return answer.status;
      };
      return await Promise.all(Array.from({ length: times }, call));
    }, request);
  }

  async #press(button: string, id: string): Promise<Shown> {
    await this.#page.getByLabel("Id", { exact: true }).fill(id);
    await this.#page.getByRole("button", { name: button, exact: true }).click();
    const answer = this.#page.getByRole("status");
    await answer.and(this.#page.locator("[aria-busy=false]")).waitFor();
    const [heading, text] = [await answer.getByRole("heading").textContent(), await answer.textContent()];
    return { heading: heading ?? "", text: text ?? "" };
  }

  async #watchCalls(session: CDPSession): Promise<void> {
    const byRequest = new Map<string, Call>();
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      if (!request.url.startsWith(`${this.#server}/`) || request.method === "OPTIONS") return;
      const call: Call = { contentType: new Headers(request.headers).get("content-type") ?? "" };
      byRequest.set(requestId, call);
      this.calls.push(call);
    });
    session.on("Network.responseReceived", ({ requestId, response }) => {
      const call = byRequest.get(requestId);
      if (call !== undefined) {
        const { protocol = "", status, connectionId } = response;
        call.answer = { httpVersion: protocol, status, connection: connectionId };
      }
    });
    session.on("Network.loadingFailed", ({ requestId, corsErrorStatus }) => {
      const call = byRequest.get(requestId);
      if (call !== undefined && corsErrorStatus !== undefined) call.corsError = corsErrorStatus.corsError;
    });
    await session.send("Network.enable");
  }
}
