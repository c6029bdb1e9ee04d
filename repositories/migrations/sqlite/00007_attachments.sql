-- Attachments belong to a product's identity: its id and created_at, because lifecycle_db may reuse an id. closed_at is set
-- while no product has that identity. Download links are signed with a random key.
-- +goose Up
ALTER TABLE lifecycle_attachments ADD COLUMN product_created_at timestamp;
ALTER TABLE lifecycle_attachments ADD COLUMN closed_at timestamp;
-- The API no longer deletes files with their product: the next run hides them.
UPDATE lifecycle_attachments SET state = 'stored', write_id = NULL WHERE state = 'removing';
UPDATE lifecycle_attachments AS a SET product_created_at = canonical_timestamp(p.created_at) FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk;
-- The product is gone and its created_at unknown: that of the file matches no product.
UPDATE lifecycle_attachments AS a SET product_created_at = a.created_at, closed_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')
	WHERE state = 'stored' AND NOT EXISTS (SELECT 1 FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk)
	AND NOT EXISTS (SELECT 1 FROM lifecycle_sync_quarantine q WHERE q.table_name = 'products' AND q.row_id = a.id_produk);

CREATE TABLE IF NOT EXISTS lifecycle_signing_key (
	id integer PRIMARY KEY CHECK (id = 1),
	key text NOT NULL
);
INSERT INTO lifecycle_signing_key (id, key) VALUES (1, lower(hex(randomblob(32)))) ON CONFLICT (id) DO NOTHING;
