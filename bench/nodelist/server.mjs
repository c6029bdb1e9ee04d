// The yardstick for the list of products: one process of Node with pg and without a framework, two
// queries a request, byte for byte what lifecycle-sync answers to GET /products. The queries are sent as
// pg's manual shows first, not as named prepared statements, with which it answers about twice as many.
import http from 'node:http'
import pg from 'pg'

// Timestamps, dates and whole numbers as the list says them.
for (const type of [1082, 1184]) pg.types.setTypeParser(type, (text) => text)
pg.types.setTypeParser(20, Number)
const instant = (text) => text && text.replace(' ', 'T').replace(/(?:\.(\d+))?\+00$/, (_, digits = '') => `.${digits.padEnd(6, '0')}Z`)

const pool = new pg.Pool({ connectionString: process.env.PMO_DATABASE_URL, max: 10, options: '-c timezone=UTC' })
const limit = 12

const page = `SELECT p.id, p.produk, p.deskripsi, p.id_kategori, p.id_segmen, p.id_stage, p.harga, p.tanggal_launch, p.pelanggan,
    p.created_at, p.updated_at, p.tanggal_stage_start, p.tanggal_stage_end, segment.segmen, stage.stage, category.kategori, 0 AS attachments_count
  FROM tbl_produk_lifecycle p
  LEFT JOIN tbl_segmen_lifecycle segment ON segment.id = p.id_segmen
  LEFT JOIN tbl_stage_lifecycle stage ON stage.id = p.id_stage
  LEFT JOIN tbl_kategori_lifecycle category ON category.id = p.id_kategori
  ORDER BY p.created_at DESC NULLS LAST, p.id DESC LIMIT $1 OFFSET $2`

async function list() {
  const count = await pool.query('SELECT count(*) AS total FROM tbl_produk_lifecycle')
  const { rows } = await pool.query(page, [limit, 0])
  for (const row of rows) {
    row.created_at = instant(row.created_at)
    row.updated_at = instant(row.updated_at)
  }
  const { total } = count.rows[0]
  const pagination = { currentPage: 1, totalPages: Math.ceil(total / limit), totalItems: total, limit }
  return JSON.stringify({ success: true, data: rows, pagination })
}

http.createServer(async (request, response) => {
  try {
    const body = await list()
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
    response.end(body)
  } catch (error) {
    response.writeHead(500)
    response.end(String(error))
  }
}).listen(Number(process.env.PORT), '127.0.0.1')
