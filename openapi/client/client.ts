// A small typed client of the product-lifecycle API: the calls that the PMO app's components make. Its
// types are those of openapi.yaml (api.d.ts, which `npm run generate` makes); copy it, or import the types.
import type { components, paths } from "./api";

export type Product = components["schemas"]["Product"];
export type ProductDetail = components["schemas"]["ProductDetail"];
export type ProductInput = components["schemas"]["ProductInput"];
export type View = components["schemas"]["View"];
export type ViewInput = components["schemas"]["ViewInput"];
export type Attachment = components["schemas"]["Attachment"];
export type StageHistory = components["schemas"]["StageHistory"];
export type ChangeEvent = components["schemas"]["ChangeEvent"];
export type Failure = components["schemas"]["Failure"];

/** What an operation takes behind the question mark. */
export type Query<Op> = Op extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

/** The body of an operation's response. */
export type Answer<Op, Status extends number> = Op extends { responses: infer Responses }
  ? Status extends keyof Responses
    ? Responses[Status] extends { content: { "application/json": infer Body } }
      ? Body
      : never
    : never
  : never;

/** A failed request: show `message`, and each of `errors` next to its field. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly failure: Failure,
  ) {
    super(failure.message);
  }
}

/** A response with its row version; send `etag` as If-Match when you change the row. */
export interface Tagged<Body> {
  body: Body;
  etag: string | null;
}

export class Client {
  /** @param base as "https://pmo.example.com/api/product-lifecycle" */
  constructor(
    private readonly base: string,
    private readonly token?: string,
  ) {}

  listProducts(query: Query<paths["/products"]["get"]> = {}) {
    return this.json<Answer<paths["/products"]["get"], 200>>("GET", "/products" + search(query));
  }

  product(id: number): Promise<Tagged<Answer<paths["/products/{id}"]["get"], 200>>> {
    return this.tagged("GET", `/products/${id}`);
  }

  /** Creates a product from the form, files included. With the same key a second try does nothing twice. */
  createProduct(form: FormData | ProductInput, idempotencyKey: string) {
    return this.json<Answer<paths["/products"]["post"], 201>>("POST", "/products", form, { "Idempotency-Key": idempotencyKey });
  }

  /** Changes a product, unless somebody has changed it since it had the ETag: then ApiError with status 412. */
  updateProduct(id: number, form: FormData | ProductInput, ifMatch?: string) {
    return this.json<Answer<paths["/products/{id}"]["put"], 200>>("PUT", `/products/${id}`, form, ifMatch === undefined ? {} : { "If-Match": ifMatch });
  }

  deleteProduct(id: number) {
    return this.json<Answer<paths["/products/{id}"]["delete"], 200>>("DELETE", `/products/${id}`);
  }

  views() {
    return this.json<Answer<paths["/views"]["get"], 200>>("GET", "/views");
  }

  createView(view: ViewInput & { name: string }, idempotencyKey: string) {
    return this.json<Answer<paths["/views"]["post"], 201>>("POST", "/views", view, { "Idempotency-Key": idempotencyKey });
  }

  updateView(id: number, view: ViewInput) {
    return this.json<Answer<paths["/views/{id}"]["put"], 200>>("PUT", `/views/${id}`, view);
  }

  deleteView(id: number) {
    return this.json<Answer<paths["/views/{id}"]["delete"], 200>>("DELETE", `/views/${id}`);
  }

  dropdowns() {
    return this.json<Answer<paths["/dropdowns"]["get"], 200>>("GET", "/dropdowns");
  }

  dashboard(query: Query<paths["/dashboard"]["get"]> = {}) {
    return this.json<Answer<paths["/dashboard"]["get"], 200>>("GET", "/dashboard" + search(query));
  }

  attachments(product: number) {
    return this.json<Answer<paths["/products/{id}/attachments"]["get"], 200>>("GET", `/products/${product}/attachments`);
  }

  upload(product: number, files: FormData, idempotencyKey: string) {
    return this.json<Answer<paths["/products/{id}/attachments"]["post"], 201>>("POST", `/products/${product}/attachments`, files, {
      "Idempotency-Key": idempotencyKey,
    });
  }

  stageHistory(query: Query<paths["/stage-history"]["get"]> = {}) {
    return this.json<Answer<paths["/stage-history"]["get"], 200>>("GET", "/stage-history" + search(query));
  }

  recordTransition(transition: paths["/stage-history"]["post"]["requestBody"]["content"]["application/json"], idempotencyKey: string) {
    return this.json<Answer<paths["/stage-history"]["post"], 201>>("POST", "/stage-history", transition, { "Idempotency-Key": idempotencyKey });
  }

  /**
   * Yields the products that change, until the signal aborts: `products: null` means that anything may have changed. Lost connections
   * are opened again, and nothing is missed. Throws ApiError if the server refuses, as with 401 when the token has expired: go on with
   * a new token, and the last version as `after`.
   */
  async *changes(signal: AbortSignal, after?: number): AsyncGenerator<ChangeEvent, void, undefined> {
    let last = after;
    while (!signal.aborted) {
      let pause = 2000;
      const lost = new AbortController();
      let timer = setTimeout(() => lost.abort(), silence);
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(() => lost.abort(), silence);
      };
      try {
        const headers = new Headers({ Accept: "text/event-stream" });
        if (this.token !== undefined) headers.set("Authorization", `Bearer ${this.token}`);
        if (last !== undefined) headers.set("Last-Event-ID", String(last));
        const response = await fetch(this.base + "/events", { headers, signal: AbortSignal.any([signal, lost.signal]) });
        if (!response.ok || response.body === null) {
          const refused = new ApiError(response.status, (await response.json()) as Failure);
          if (response.status !== 429 && response.status < 500) throw refused;
          pause = 1000 * (Number(response.headers.get("Retry-After")) || 2);
        } else {
          for await (const data of eventData(response.body, alive)) {
            const event = JSON.parse(data) as ChangeEvent;
            last = event.version;
            yield event;
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError) throw error;
      } finally {
        clearTimeout(timer);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  private async json<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Body> {
    return (await this.tagged<Body>(method, path, body, headers)).body;
  }

  private async tagged<Body>(method: string, path: string, body?: unknown, extra: Record<string, string> = {}): Promise<Tagged<Body>> {
    const headers = new Headers(extra);
    if (this.token !== undefined) headers.set("Authorization", `Bearer ${this.token}`);
    const init: RequestInit = { method, headers };
    if (body instanceof FormData) {
      init.body = body; // the browser sets the Content-Type with its boundary
    } else if (body !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(body);
    }
    const response = await fetch(this.base + path, init);
    const received: unknown = await response.json();
    if (!response.ok) throw new ApiError(response.status, received as Failure);
    return { body: received as Body, etag: response.headers.get("ETag") };
  }
}

/** What the product form's fields hold, as texts; an empty one means none. */
export type FormFields = Omit<components["schemas"]["ProductForm"], "files">;

/** The form as it is sent: only fields that there are, and any number of files. */
export function form(fields: FormFields, files: readonly File[] = []): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) data.set(name, value);
  }
  for (const file of files) data.append("files", file);
  return data;
}

/** After this time without a heartbeat, which comes every 15 s, a connection is lost even if nothing has ended it. */
const silence = 45_000;

/** The data of server-sent events, as the server writes them: one line each. Calls alive for everything that is received. */
async function* eventData(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      text += decoder.decode(value, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data: ")) yield line.slice("data: ".length);
      }
    }
  } finally {
    await reader.cancel();
  }
}

/** A query string; what is empty is left out. */
function search(query: object): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}
