// What the PMO app's four components do with the API, in as few lines as it takes: the compiler checks
// that every field they read is there and every one they send is taken.
import { ApiError, type Attachment, Client, form, type FormFields, type Product, type ProductDetail } from "./client";

/** ProductPage: a page of the list, filtered by name as the drop-downs have them. */
export async function productPage(api: Client, page: number, text: string) {
  const [list, choices] = await Promise.all([
    api.listProducts({ page, limit: 12, search: text, stage: "Growth", sort: "-harga" }),
    api.dropdowns(),
  ]);
  return {
    cards: list.data.map(productCard),
    pages: list.pagination.totalPages,
    stages: choices.data.stages.map((s) => ({ value: s.id, label: s.stage ?? "" })),
    segments: choices.data.segments.map((s) => ({ value: s.id, label: s.segmen ?? "" })),
    categories: choices.data.categories.map((c) => ({ value: c.id, label: c.kategori ?? "" })),
    remove: async (id: number) => (await api.deleteProduct(id)).message,
  };
}

/** ProductPage: the list as a saved view shows it, and a button that saves the present filters. */
export async function savedViews(api: Client, open: number) {
  const views = (await api.views()).data;
  const view = views.find((v) => v.id === open);
  return {
    tabs: views.map((v) => ({ id: v.id, label: v.name, canRename: v.editable })),
    columns: view?.columns ?? [],
    save: async (name: string, query: string) => (await api.createView({ name, query, columns: ["produk", "harga"] }, crypto.randomUUID())).data.id,
  };
}

/** ProductPage: reads again what others change, until the page closes. */
export async function productChanges(api: Client, shown: readonly number[], reload: (ids: readonly number[]) => void, closing: AbortSignal) {
  for await (const change of api.changes(closing)) {
    const { products } = change;
    const ids = products === null ? shown : shown.filter((id) => products.includes(id));
    if (ids.length > 0) reload(ids);
  }
}

/** ProductCard: an item of the list is all that it needs. */
export function productCard(p: Product): { id: number; title: string; lines: string[] } {
  const price = p.harga === null ? "–" : p.harga.toLocaleString("id-ID", { style: "currency", currency: "IDR" });
  return {
    id: p.id,
    title: p.produk ?? "–",
    lines: [p.segmen ?? "–", p.stage ?? "–", p.kategori ?? "–", price, p.tanggal_launch ?? "–", p.pelanggan ?? "–", `${p.attachments_count}`],
  };
}

/** ProductForm: creates or changes, and puts what is wrong beside its field. */
export async function productForm(api: Client, fields: FormFields, files: File[], opened?: { id: number; etag: string }) {
  const sent = form(fields, files);
  try {
    const saved = opened === undefined ? await api.createProduct(sent, crypto.randomUUID()) : await api.updateProduct(opened.id, sent, opened.etag);
    return { product: saved.data, message: saved.message, wrong: new Map<string, string>() };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { product: null, message: error.message, wrong: new Map(error.failure.errors?.map((e) => [e.field, e.message] as const)) };
  }
}

/** ProductDetailModal with its AttachmentModal: one product, its files and transitions, and the next one. */
export async function productDetail(api: Client, id: number) {
  const { body, etag } = await api.product(id);
  const detail: ProductDetail = body.data;
  const file = (a: Attachment) => ({ name: a.nama_file, href: a.path_file, type: a.tipe_file, bytes: a.ukuran_file });
  const history = await api.stageHistory({ productId: id, limit: 100 });
  return {
    card: productCard(detail),
    etag,
    files: detail.attachments.map(file),
    latest: detail.stage_history[0]?.stage_now_name ?? null,
    history: history.data.map((h) => `${h.stage_previous_name ?? "–"} → ${h.stage_now_name ?? "–"} (${h.tanggal_perubahan ?? "–"})`),
    moveOn: (stage: number, notes: string) =>
      api.recordTransition({ id_produk: id, stage_now: stage, catatan: notes, performance_metrics: { nps: 41.5 } }, crypto.randomUUID()),
  };
}
