package browser_test

import (
	"net/http"
	"testing"
)

const pdf = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

// TestProducts_CreateEditDelete creates a product, after mistakes that the browser and the server find, changes and deletes it.
func TestProducts_CreateEditDelete(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, viewers(), func(t *testing.T, name string, v viewer) {
		p := browse(t, s.Address, v)
		p.open("/products")
		p.click("link", "Add product")
		p.click("button", "Create product")
		p.focuses("textbox Product name (required)") // by the browser, which does not send the form
		p.wantPath("/products/new")

		p.fill("Product name (required)", " ")
		p.fill("Description", "Dua\nbaris")
		p.choose("Segment (required)", "Korporat")
		p.choose("Stage (required)", "Growth")
		p.choose("Category (required)", "Energi Bersih")
		p.fill("Customer", "PT Tetap")
		p.fill("Price", "sepuluh")
		p.fill("Launch date", "2026-05-01")
		p.attach("Files", "kopi.pdf", pdf)
		p.expectStatus(http.StatusUnprocessableEntity)
		p.click("button", "Create product")
		p.focuses("alert ")
		p.within("form .field.wrong:has(#produk)").wantTexts("Product name is required.")
		p.within("form .field.wrong:has(#harga)").wantTexts("Price must be whole rupiah, without decimals")
		p.wantTexts("Choose all files again: none was stored.")
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
		p.expectStatus(http.StatusUnprocessableEntity)
		p.click("button", "Create product")
		p.wantTexts("The file kopi.exe has an unsupported file type")
		p.attach("Files", "kopi.pdf", pdf)
		p.click("button", "Create product")
		p.wantTexts("Product created.", "Rp 1,250,000", "1 May 2026", "PT Tetap", "Korporat", "kopi.pdf")
		p.shows("heading", "Kopi "+name)

		p.click("link", "Edit")
		p.fill("Product name (required)", "Gula "+name)
		p.choose("Stage (required)", "Maturity")
		p.click("button", "Save")
		p.wantTexts("Product saved.", "PT Tetap", "Maturity from Growth")

		p.click("link", "Delete")
		p.shows("heading", "Delete Gula "+name+"?")
		p.click("link", "Cancel")
		p.click("link", "Delete")
		p.wantTexts("with 1 stage history record and 1 file", "It can be restored for 90 days.")
		p.click("button", "Delete product")
		p.wantTexts("Product deleted")
		p.wantPath("/products")
		p.wantNoTexts("Gula " + name)
	})
}

// TestProducts_ConflictingEdits changes the product in another window while its form is filled in.
func TestProducts_ConflictingEdits(t *testing.T) {
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
		theirs.wantTexts("Product saved.")

		mine.expectStatus(http.StatusPreconditionFailed)
		mine.click("button", "Save")
		mine.shows("heading", "This product was changed in the meantime")
		mine.within("fieldset:has([name=take_deskripsi])").wantTexts("Only you changed it.", "Lama saya tulis ini")
		mine.within("fieldset:has([name=take_pelanggan])").wantTexts("Only someone else changed it.", "PT Mereka")
		mine.within("fieldset:has([name=take_harga])").wantTexts("You and someone else changed it.", "Rp 1,000,000", "Rp 2,000,000")
		return mine
	}
	t.Run("keeps mine", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{dark: true}, "/products/2")
		p.click("button", "Save selection")
		p.shows("heading", "This product was changed in the meantime") // the price needs a decision
		p.click("radio", "Your entry Rp 1,000,000")
		p.click("button", "Save selection")
		p.wantTexts("Product saved.", "Lama saya tulis", "PT Mereka", "Rp 1,000,000")
	})
	t.Run("takes theirs, on a phone without JavaScript", func(t *testing.T) {
		t.Parallel()
		p := edit(t, viewer{phone: true, scriptless: true}, "/products/3")
		p.click("radio", "Current value Rp 2,000,000")
		p.click("button", "Edit selection")
		if got := p.value("Description"); got != "Lama saya tulis\nini" {
			t.Errorf("the description is %q now", got)
		}
		p.fill("Customer", "PT Kita")
		p.click("button", "Save")
		p.wantTexts("Product saved.", "Lama saya tulis", "PT Kita", "Rp 2,000,000")
	})
}

// TestProducts_Move records a stage move, and another one from a stage in which the product no longer is.
func TestProducts_Move(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 1, deskripsi = 'In Introduction' WHERE id IN (5, 6, 7)")
	s.Command("sync")
	eachViewer(t, map[string]viewer{"/products/5": {}, "/products/6": {phone: true, dark: true}, "/products/7": {phone: true, scriptless: true}}, func(t *testing.T, path string, v viewer) {
		p, other := browse(t, s.Address, v), newWindow(t, s.Address, viewer{})
		p.open(path)
		other.open(path)
		p.wantTexts("Current stage: Introduction")
		p.choose("New stage (required)", "Growth")
		p.fill("Note", "Naik kelas")
		p.click("DisclosureTriangle", "Performance metrics")
		p.fill("Metric 1", "pendapatan")
		p.expectStatus(http.StatusUnprocessableEntity)
		p.click("button", "Move product")
		p.wantTexts("This metric has a name but no value")
		p.fill("Value 1", "12.50")
		p.click("button", "Move product")
		p.wantTexts("Moved to ")
		p.within(".timeline").wantTexts("Growth from Introduction", "Naik kelas", "pendapatan", "12.50")

		other.choose("New stage (required)", "Maturity")
		other.fill("Note", "Saya juga")
		other.expectStatus(http.StatusConflict)
		other.click("button", "Move product")
		other.wantTexts("The product is not in the given previous stage", "in stage “Introduction” when you opened the form, and is now in “Growth”")
		if got := other.value("Note"); got != "Saya juga" {
			t.Errorf("the notes are %q now", got)
		}
		other.click("button", "Move product")
		other.within(".timeline").wantTexts("Maturity from Growth", "Saya juga", "Growth from Introduction")
	})
}

// TestProducts_Files adds files to a product by a form and by dropping them, and deletes one.
func TestProducts_Files(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, map[string]viewer{"/products/5": {}, "/products/6": {phone: true, dark: true}, "/products/7": {phone: true, scriptless: true}}, func(t *testing.T, path string, v viewer) {
		p := browse(t, s.Address, v)
		p.open(path)
		p.within("#files-section").wantTexts("No files")
		p.attach("Add files", "surat <b>.txt", "Halo\n")
		p.click("button", "Upload")
		p.wantTexts("Files added.")
		p.shows("link", "surat _b_.txt")

		p.attach("Add files", "kosong.pdf", "ini bukan PDF")
		if v.scriptless {
			p.expectStatus(http.StatusUnprocessableEntity)
		} else {
			p.expectStatus(http.StatusUnsupportedMediaType)
			if _, err := evaluate[bool](p, `new MutationObserver(() => window.wasVisible ||= document.querySelector("progress").checkVisibility())
				.observe(document.body, {attributes: true, childList: true, subtree: true}), true`); err != nil {
				t.Fatal(err)
			}
		}
		p.click("button", "Upload")
		p.wantTexts("The content of the file kosong.pdf does not match its name")
		if v.scriptless {
			p.wantTexts("No file was added", "Choose all files again: none was stored.")
			p.attach("Add files", "kopi.pdf", pdf)
			p.click("button", "Upload")
		} else {
			p.wantPath(path)
			if wasSeen, err := evaluate[bool](p, `window.wasVisible === true`); err != nil || !wasSeen {
				t.Errorf("the progress was never visible (%v)", err)
			}
			p.drop("kopi.pdf", pdf)
		}
		p.wantTexts("Files added.")
		p.wantNoTexts("kosong.pdf")

		p.click("link", "Delete kopi.pdf")
		p.shows("heading", "Delete kopi.pdf?")
		p.click("button", "Delete file")
		p.wantTexts("File deleted.")
		p.hides("link", "kopi.pdf")
		p.shows("link", "surat _b_.txt")
	})
}
