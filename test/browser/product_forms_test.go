package browser_test

import (
	"net/http"
	"testing"
)

const pdf = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

// TestLifeOfAProduct creates a product, after mistakes that the browser and the server find, changes and deletes it.
func TestLifeOfAProduct(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	for name, v := range viewers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			p.open("/products")
			p.click("link", "Add product")
			p.click("button", "Create product")
			p.focuses("textbox Product name (required)") // by the browser, which does not send it
			p.at("/products/new")

			p.fill("Product name (required)", " ")
			p.fill("Description", "Dua\nbaris")
			p.choose("Segment (required)", "Korporat")
			p.choose("Stage (required)", "Growth")
			p.choose("Category (required)", "Energi Bersih")
			p.fill("Customer", "PT Tetap")
			p.fill("Price", "sepuluh")
			p.fill("Launch date", "2026-05-01")
			p.attach("Files", "kopi.pdf", pdf)
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Create product")
			p.focuses("alert ")
			p.within("form .field.wrong:has(#produk)").reads("Product name is required.")
			p.within("form .field.wrong:has(#harga)").reads("Price must be a whole number of rupiah")
			p.reads("Choose all files again: none was stored.")
			for label, want := range map[string]string{"Description": "Dua\nbaris", "Customer": "PT Tetap", "Price": "sepuluh", "Launch date": "2026-05-01", "Stage (required)": "2"} {
				if got := p.value(label); got != want {
					t.Errorf("%s is %q now", label, got)
				}
			}
			p.click("link", "Product name is required.")
			p.focuses("textbox Product name (required)")

			p.fill("Product name (required)", "Kopi "+name)
			p.fill("Price", "Rp 1.250.000")
			p.attach("Files", "kopi.exe", "MZ")
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Create product")
			p.reads("The file kopi.exe has an unsupported file type")
			p.attach("Files", "kopi.pdf", pdf)
			p.click("button", "Create product")
			p.reads("Product created.", "Rp 1.250.000", "1 Mei 2026", "PT Tetap", "Korporat", "kopi.pdf")
			p.sees("heading", "Kopi "+name)

			p.click("link", "Edit")
			p.fill("Product name (required)", "Gula "+name)
			p.choose("Stage (required)", "Maturity")
			p.click("button", "Save")
			p.reads("Product saved.", "PT Tetap", "Maturity from Growth")

			p.click("link", "Delete")
			p.sees("heading", "Delete Gula "+name+"?")
			p.click("link", "Cancel")
			p.click("link", "Delete")
			p.reads("with 1 stage record and 1 file", "This cannot be undone.")
			p.click("button", "Delete product")
			p.reads("Product deleted")
			p.at("/products")
			p.lacks("Gula " + name)
		})
	}
}

// TestConflictingEdits has somebody else change the product while a form for it is filled in.
func TestConflictingEdits(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	edit := func(t *testing.T, v viewer, path string) *page {
		t.Helper()
		mine, theirs := browse(t, s.Address, v), newWindow(t, s.Address, viewer{})
		mine.open(path + "/edit")
		mine.fill("Description", "Lama saya tulis\nini")
		mine.fill("Price", "1.000.000")
		theirs.open(path + "/edit")
		theirs.fill("Customer", "PT Mereka")
		theirs.fill("Price", "2.000.000")
		theirs.click("button", "Save")
		theirs.reads("Product saved.")

		mine.refused(http.StatusPreconditionFailed)
		mine.click("button", "Save")
		mine.sees("heading", "This product was changed in the meantime")
		mine.within("fieldset:has([name=take_deskripsi])").reads("Only you changed it.", "Lama saya tulis ini")
		mine.within("fieldset:has([name=take_pelanggan])").reads("Only someone else changed it.", "PT Mereka")
		mine.within("fieldset:has([name=take_harga])").reads("You and someone else changed it.", "Rp 1.000.000", "Rp 2.000.000")
		return mine
	}
	t.Run("mine is kept", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{dark: true}, "/products/2")
		p.click("button", "Save selection")
		p.sees("heading", "This product was changed in the meantime") // the price is to be decided
		p.tick("Your entry Rp 1.000.000")
		p.click("button", "Save selection")
		p.reads("Product saved.", "Lama saya tulis", "PT Mereka", "Rp 1.000.000")
	})
	t.Run("theirs is taken, on a phone without JavaScript", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{phone: true, scriptless: true}, "/products/3")
		p.tick("Current value Rp 2.000.000")
		p.click("button", "Edit selection")
		if got := p.value("Description"); got != "Lama saya tulis\nini" {
			t.Errorf("the description is %q now", got)
		}
		p.fill("Customer", "PT Kita")
		p.click("button", "Save")
		p.reads("Product saved.", "Lama saya tulis", "PT Kita", "Rp 2.000.000")
	})
	t.Run("what is deleted must be what was seen", func(t *testing.T) {
		t.Parallel()
		p, other := browse(t, s.Address, viewer{phone: true}), newWindow(t, s.Address, viewer{})
		p.open("/products/4/delete")
		other.open("/products/4/edit")
		other.fill("Customer", "PT Baru")
		other.click("button", "Save")
		other.reads("Product saved.")
		p.refused(http.StatusPreconditionFailed)
		p.click("button", "Delete product")
		p.reads("nothing was deleted", "PT Baru")
		other.click("link", "Edit")
		p.click("button", "Delete product")
		p.reads("Product deleted")

		other.fill("Description", "Ketikan panjang")
		other.refused(http.StatusNotFound)
		other.click("button", "Save")
		other.reads("This product was deleted in the meantime")
		if got := other.value("Description"); got != "Ketikan panjang" {
			t.Errorf("the description is %q now", got)
		}
	})
}
