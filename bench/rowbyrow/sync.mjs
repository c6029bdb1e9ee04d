// The yardstick for small volumes: the mirror kept by a script that reads every table whole and
// upserts one row after another, each in a round trip and a transaction of its own.
import pg from 'pg'

// Timestamps and dates stay the text they are: a JavaScript Date would cut off the microseconds.
for (const type of [1082, 1184]) pg.types.setTypeParser(type, (text) => text)

const named = (name) => `id integer PRIMARY KEY, ${name} varchar, created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar`

const tables = [
  { noun: 'segments', source: 'tbl_segmen', mirror: 'tbl_segmen_lifecycle', columns: named('segmen') },
  { noun: 'stages', source: 'tbl_stage', mirror: 'tbl_stage_lifecycle', columns: named('stage') },
  { noun: 'categories', source: 'tbl_kategori', mirror: 'tbl_kategori_lifecycle', columns: named('kategori') },
  {
    noun: 'products', source: 'tbl_produk', mirror: 'tbl_produk_lifecycle',
    columns: `id integer PRIMARY KEY, produk varchar(255), deskripsi text, id_kategori integer, id_segmen integer, id_stage integer,
      harga bigint, tanggal_launch date, pelanggan varchar(255), created_at timestamptz(6), updated_at timestamptz(6),
      tanggal_stage_end date, tanggal_stage_start date`,
  },
  {
    noun: 'stage history records', source: 'tbl_stage_histori', mirror: 'tbl_stage_histori_lifecycle',
    columns: `id integer PRIMARY KEY, id_produk integer NOT NULL, stage_previous integer, stage_now integer, catatan text,
      created_at timestamptz(6), updated_at timestamptz(6), tanggal_perubahan timestamptz(6), performance_metrics jsonb`,
  },
]

async function syncTable(source, mirror, table) {
  const { rows, fields } = await source.query(`SELECT * FROM ${table.source} ORDER BY id`)
  const names = fields.map((field) => field.name)
  const upsert = `INSERT INTO ${table.mirror} (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})
    ON CONFLICT (id) DO UPDATE SET ${names.slice(1).map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`
  for (const row of rows) await mirror.query(upsert, names.map((name) => row[name]))
  console.log(`✅ Synced ${rows.length} ${table.noun}`)
}

const source = new pg.Client({ connectionString: process.env.LIFECYCLE_DATABASE_URL })
const mirror = new pg.Client({ connectionString: process.env.PMO_DATABASE_URL })
await source.connect()
await mirror.connect()
for (const table of tables) await mirror.query(`CREATE TABLE IF NOT EXISTS ${table.mirror} (${table.columns})`)
for (const table of tables) await syncTable(source, mirror, table)
await source.end()
await mirror.end()
