package demo

import "time"

// The calendar is fixed: no clock is read. The rows have been kept in a database since firstEntry.
var (
	firstLaunch = time.Date(2017, time.January, 1, 0, 0, 0, 0, time.UTC)
	firstEntry  = time.Date(2023, time.February, 1, 0, 0, 0, 0, time.UTC)
	lastLaunch  = time.Date(2026, time.June, 15, 0, 0, 0, 0, time.UTC)
	today       = time.Date(2026, time.June, 30, 0, 0, 0, 0, time.UTC)
)

// The tables that products refer to; ids are positions from 1. Stages are in lifecycle order.
var (
	segments   = []string{"EP & Pembangkit", "Transmisi", "Distribusi", "Korporat", "Pelayanan Pelanggan"}
	stages     = []string{"Introduction", "Growth", "Maturity", "Decline"}
	categories = []string{"Jasa Rekayasa", "Operasi & Pemeliharaan", "Energi Bersih", "Produk Digital", "Material & Peralatan"}
)

// works is what each segment does, in the order of segments.
var works = [...][]string{
	{"Inspeksi Turbin", "Uji Kinerja Boiler", "Sewa Genset", "Pemantauan Cerobong", "Kajian Tapak PLTS", "Perawatan Generator", "Manajemen Suku Cadang", "Simulator Operator"},
	{"Inspeksi Menara", "Pemetaan Jalur dengan Drone", "Uji Isolator", "Perkuatan Fondasi Menara", "Pemantauan Konduktor", "Studi Aliran Daya", "Pemeliharaan Gardu Induk", "Uji Minyak Trafo"},
	{"Pemeliharaan Gardu Distribusi", "Deteksi Gangguan", "Kabel Bawah Tanah", "Penyeimbangan Beban", "Pangkas Pohon Jaringan", "Trafo Bergerak", "Sensor Penyulang", "Kubikel Cerdas"},
	{"Audit Energi", "Sertifikat Energi Hijau", "Pelatihan Keselamatan", "Konsultasi Tarif", "Pusat Data Energi", "Kajian Investasi", "Jaminan Pasokan", "Pelaporan Emisi"},
	{"Stasiun Pengisian Mobil Listrik", "Pasang Meter Digital", "Langganan Daya Tambahan", "Asisten Tagihan", "Panel Surya Atap", "Perawatan Instalasi Rumah", "Pesta Daya Sementara", "Kompor Induksi"},
}

var (
	brands     = []string{"Arunika", "Bayu Dana", "Cakra Wisesa", "Daksa", "Ekata", "Gantari", "Indurasmi", "Jatiraga", "Kalingga", "Laksita", "Mandaraka", "Nirmala", "Padmarini", "Rengganis", "Sagara", "Tirtamas", "Utpala", "Wanodya"}
	regions    = []string{"Ambon", "Banjarbaru", "Bengkulu", "Cirebon", "Ende", "Gorontalo", "Jember", "Kendari", "Kupang", "Magelang", "Mamuju", "Mataram", "Palu", "Pekanbaru", "Singkawang", "Sorong", "Ternate"}
	buyers     = []string{"pabrik semen", "rumah sakit", "kawasan industri", "hotel dan restoran", "pelabuhan", "kampus", "tambang", "peternakan", "pusat belanja", "rumah tangga"}
	benefits   = []string{"menekan gangguan", "menghemat biaya energi", "mempercepat penyambungan", "memperpanjang umur peralatan", "menurunkan susut", "memudahkan pelaporan", "mengurangi emisi"}
	deliveries = []string{"laporan bulanan", "dasbor daring", "tim siaga 24 jam", "garansi satu tahun", "kunjungan berkala", "pelatihan petugas"}
	forms      = []string{"PT ", "CV ", "Koperasi ", "Kawasan Industri ", "RS ", "Universitas "}
	notes      = []string{"Target penjualan tercapai", "Uji coba selesai, siap diperluas", "Permintaan melambat sejak kuartal lalu", "Disetujui dalam rapat bulanan", "Menunggu kontrak payung yang baru", "Pesaing menawarkan harga lebih rendah", "Pelanggan lama memperpanjang kontrak"}
)
