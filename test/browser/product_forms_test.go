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
			p.click("link", "New product")
			p.click("button", "Create the product")
			p.focuses("textbox Name (required)") // by the browser, which does not send it
			p.at("/products/new")

			p.fill("Name (required)", " ")
			p.fill("Description", "Dua\nbaris")
			p.choose("Segment (required)", "Korporat")
			p.choose("Stage (required)", "Growth")
			p.choose("Category (required)", "Energi Bersih")
			p.fill("Customer", "PT Tetap")
			p.fill("Price", "sepuluh")
			p.fill("Launch date", "2026-05-01")
			p.attach("Files", "kopi.pdf", pdf)
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Create the product")
			p.focuses("alert ")
			p.within("form .field.wrong:has(#produk)").reads("Name is required.")
			p.within("form .field.wrong:has(#harga)").reads("Price must be a whole number of rupiah")
			p.reads("Choose the files again: none was kept.")
			for label, want := range map[string]string{"Description": "Dua\nbaris", "Customer": "PT Tetap", "Price": "sepuluh", "Launch date": "2026-05-01", "Stage (required)": "2"} {
				if got := p.value(label); got != want {
					t.Errorf("%s is %q now", label, got)
				}
			}
			p.click("link", "Name is required.")
			p.focuses("textbox Name (required)")

			p.fill("Name (required)", "Kopi "+name)
			p.fill("Price", "Rp 1.250.000")
			p.attach("Files", "kopi.exe", "MZ")
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Create the product")
			p.reads("The file kopi.exe is not of a kind that is taken")
			p.attach("Files", "kopi.pdf", pdf)
			p.click("button", "Create the product")
			p.reads("The product was created.", "Rp 1.250.000", "1 Mei 2026", "PT Tetap", "Korporat", "kopi.pdf")
			p.sees("heading", "Kopi "+name)

			p.click("link", "Edit")
			p.fill("Name (required)", "Gula "+name)
			p.choose("Stage (required)", "Maturity")
			p.click("button", "Save")
			p.reads("The product was changed.", "PT Tetap", "Maturity from Growth")

			p.click("link", "Delete")
			p.sees("heading", "Delete Gula "+name+"?")
			p.click("link", "Keep it")
			p.click("link", "Delete")
			p.reads("with 1 transition of its stage history and 1 file", "This cannot be undone.")
			p.click("button", "Delete the product")
			p.reads("The product was deleted")
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
		theirs.reads("The product was changed.")

		mine.refused(http.StatusPreconditionFailed)
		mine.click("button", "Save")
		mine.sees("heading", "Somebody else has changed this product")
		mine.within("fieldset:has([name=take_deskripsi])").reads("Only you have changed it.", "Lama saya tulis ini")
		mine.within("fieldset:has([name=take_pelanggan])").reads("Only somebody else has changed it.", "PT Mereka")
		mine.within("fieldset:has([name=take_harga])").reads("You and somebody else have changed it.", "Rp 1.000.000", "Rp 2.000.000")
		return mine
	}
	t.Run("mine is kept", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{dark: true}, "/products/2")
		p.click("button", "Save what is chosen")
		p.sees("heading", "Somebody else has changed this product") // the price is to be decided
		p.tick("What you entered Rp 1.000.000")
		p.click("button", "Save what is chosen")
		p.reads("The product was changed.", "Lama saya tulis", "PT Mereka", "Rp 1.000.000")
	})
	t.Run("theirs is taken, on a phone without JavaScript", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{phone: true, scriptless: true}, "/products/3")
		p.tick("What it is now Rp 2.000.000")
		p.click("button", "Go on editing with it")
		if got := p.value("Description"); got != "Lama saya tulis\nini" {
			t.Errorf("the description is %q now", got)
		}
		p.fill("Customer", "PT Kita")
		p.click("button", "Save")
		p.reads("The product was changed.", "Lama saya tulis", "PT Kita", "Rp 2.000.000")
	})
	t.Run("what is deleted must be what was seen", func(t *testing.T) {
		t.Parallel()
		p, other := browse(t, s.Address, viewer{phone: true}), newWindow(t, s.Address, viewer{})
		p.open("/products/4/delete")
		other.open("/products/4/edit")
		other.fill("Customer", "PT Baru")
		other.click("button", "Save")
		other.reads("The product was changed.")
		p.refused(http.StatusPreconditionFailed)
		p.click("button", "Delete the product")
		p.reads("nothing was deleted", "PT Baru")
		other.click("link", "Edit")
		p.click("button", "Delete the product")
		p.reads("The product was deleted")

		other.fill("Description", "Ketikan panjang")
		other.refused(http.StatusNotFound)
		other.click("button", "Save")
		other.reads("Somebody has deleted this product meanwhile")
		if got := other.value("Description"); got != "Ketikan panjang" {
			t.Errorf("the description is %q now", got)
		}
	})
}
