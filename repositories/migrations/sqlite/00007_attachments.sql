-- Attachments belong to a product's identity: its id and created_at, because lifecycle_db may reuse an id. closed_at is set
-- while no product has that identity. Download links are signed with a random key.
-- +goose Up
ALTER TABLE lifecycle_attachments ADD COLUMN product_created_at timestamp;
ALTER TABLE lifecycle_attachments ADD COLUMN closed_at timestamp;
-- The API no longer deletes files with their product: the next run hides them.
UPDATE lifecycle_attachments SET state = 'stored', write_id = NULL WHERE state = 'removing';
UPDATE lifecycle_attachments AS a SET product_created_at = canonical_timestamp(p.created_at) FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk;
-- NULL if unreadable: the run that releases the product decides.
UPDATE lifecycle_attachments AS a SET product_created_at = CASE WHEN json_valid(q.payload) THEN canonical_timestamp(q.payload ->> 'created_at') END
	FROM lifecycle_sync_quarantine q WHERE q.table_name = 'products' AND q.row_id = a.id_produk;
-- The product is gone, or another one has reused its id since the upload. A day of tolerance: earlier versions stored the clock
-- of the application. Its created_at is unknown: that of the file matches no product.
UPDATE lifecycle_attachments AS a SET product_created_at = a.created_at, closed_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')
	WHERE a.product_created_at > strftime('%Y-%m-%dT%H:%M:%f000Z', a.created_at, '+1 day')
	OR state = 'stored' AND NOT EXISTS (SELECT 1 FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk)
		AND NOT EXISTS (SELECT 1 FROM lifecycle_sync_quarantine q WHERE q.table_name = 'products' AND q.row_id = a.id_produk);

CREATE TABLE IF NOT EXISTS lifecycle_signing_key (
	id integer PRIMARY KEY CHECK (id = 1),
	key text NOT NULL
);
INSERT INTO lifecycle_signing_key (id, key) VALUES (1, lower(hex(randomblob(32)))) ON CONFLICT (id) DO NOTHING;
