-- Attachments belong to a product's identity: its id and created_at, because lifecycle_db may reuse an id. closed_at is set
-- while no product has that identity. Download links are signed with a random key.
-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE product record;
BEGIN
	IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'lifecycle_attachments'::regclass AND attname = 'closed_at') THEN
		RETURN; -- all migrations run again to recreate a lost table
	END IF;
	ALTER TABLE lifecycle_attachments ADD COLUMN product_created_at timestamptz, ADD COLUMN closed_at timestamptz;
	-- The API no longer deletes files with their product: the next run hides them.
	UPDATE lifecycle_attachments SET state = 'stored', write_id = NULL WHERE state = 'removing';
	UPDATE lifecycle_attachments a SET product_created_at = p.created_at FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk;
	FOR product IN SELECT row_id AS id, payload FROM lifecycle_sync_quarantine q
		WHERE table_name = 'products' AND EXISTS (SELECT FROM lifecycle_attachments a WHERE a.id_produk = q.row_id)
	LOOP
		BEGIN
			UPDATE lifecycle_attachments SET product_created_at = (product.payload ->> 'created_at')::timestamptz
				WHERE id_produk = product.id AND product.payload ->> 'created_at' ~ '^\d{4}-\d\d-\d\dT[\d:.]+Z$';
		EXCEPTION WHEN data_exception THEN NULL; -- unreadable: the run that releases the product decides
		END;
	END LOOP;
	-- The product is gone, or another one has reused its id since the upload. A day of tolerance: earlier versions stored the clock
	-- of the application. Its created_at is unknown: that of the file matches no product.
	UPDATE lifecycle_attachments a SET product_created_at = a.created_at, closed_at = now()
		WHERE a.product_created_at > a.created_at + interval '24 hours'
		OR state = 'stored' AND NOT EXISTS (SELECT FROM tbl_produk_lifecycle p WHERE p.id = a.id_produk)
			AND NOT EXISTS (SELECT FROM lifecycle_sync_quarantine q WHERE q.table_name = 'products' AND q.row_id = a.id_produk);
END $$;
-- +goose StatementEnd

CREATE TABLE IF NOT EXISTS lifecycle_signing_key (
	id integer PRIMARY KEY CHECK (id = 1),
	key text NOT NULL
);
-- 244 bits of the server's strong random numbers.
INSERT INTO lifecycle_signing_key (id, key) VALUES (1, gen_random_uuid()::text || gen_random_uuid()::text) ON CONFLICT (id) DO NOTHING;
