package render

import "time"

// Defaults of Limits. Each is met by refusing (or, where it says so, by scaling
// down) with an *Error that names the limit, the value and what is allowed.
const (
	DefaultDPI = 200 // resolution of PDF pages without a better one of their own

	MaxFileBytes    = 512 << 20 // a file
	MaxPages        = 10_000    // pages of a document, all members of an archive together
	MaxPagePixels   = 160 << 20 // pixels of an image before it is decoded
	MaxRasterPixels = 40 << 20  // pixels of a page raster: larger pages are scaled down to it
	MaxPageSide     = 65_500    // width or height of an image before it is decoded
	MaxPagePoints   = 2 << 30   // width or height of a PDF page in points: far more than 14,400 is drawn, but tiny
	MaxFormDraws    = 500_000   // forms drawn when one form of a PDF is: forms draw forms
	MaxTextWords    = 50_000    // words of a page's text layer: the rest is left out
	MaxTextChars    = 400_000   // characters looked at for them

	MaxArchiveDepth = 2         // archives within archives: 1 is a plain zip, 2 a zip in a zip
	MaxArchiveFiles = 10_000    // members of an archive
	MaxArchiveRatio = 1_000     // unpacked to packed size of one member above MinRatioBytes
	MinRatioBytes   = 16 << 20  // smaller members may have any ratio
	MaxMemberBytes  = 256 << 20 // one member, unpacked
	MaxArchiveBytes = 4 << 30   // all members, unpacked

	MaxStreamBytes  = 512 << 20 // one compressed stream, unpacked: a strip of a TIFF, a stream looked into for actions
	MaxDecryptBytes = 128 << 20 // an encrypted PDF that PDFium cannot open and the second library decrypts

	MaxDICOMElements  = 1 << 19   // data elements of a DICOM file, and items of its sequences
	MaxDICOMDepth     = 32        // sequences within sequences
	MaxDICOMFragments = 1 << 17   // pieces of its compressed pixel data
	MaxValueBytes     = 128 << 10 // a value of it that is read: a code, a window, a look-up table

	MaxIFDs        = MaxPages // image directories of a TIFF
	MaxStrips      = 100_000  // strips or tiles of one image
	MaxIFDEntries  = 4_096    // entries of one directory
	MaxMemoryBytes = 3 << 30  // private memory of the child
	MaxWasmPages   = 20_480   // 64 KiB pages of PDFium's own memory, 1.25 GiB: room for a stream of MaxStreamBytes and its copy
	MaxNotes       = 200      // notes kept
	MaxNoteBytes   = 500      // bytes of a note's text

	StartTime    = 5 * time.Minute  // starting PDFium, which compiles it where the cache is cold
	OpenTime     = 30 * time.Second // opening a file
	InspectTime  = 10 * time.Second // looking for attachments and actions: best effort
	PageTime     = 30 * time.Second // one page
	DocumentTime = 4 * time.Hour    // all pages of one Document together
	// CPUTime is the processor time of one child, enforced by the system: some
	// more than the document's time, so that the deadlines speak first.
	CPUTime = DocumentTime + time.Minute
)

// Limits bound one document. Zero fields take the constants above.
type Limits struct {
	FileBytes    int64         `json:"file_bytes,omitempty"`
	Pages        int           `json:"pages,omitempty"`
	PagePixels   int64         `json:"page_pixels,omitempty"`
	RasterPixels int64         `json:"raster_pixels,omitempty"`
	ArchiveDepth int           `json:"archive_depth,omitempty"`
	ArchiveFiles int           `json:"archive_files,omitempty"`
	ArchiveRatio int64         `json:"archive_ratio,omitempty"`
	ArchiveBytes int64         `json:"archive_bytes,omitempty"`
	MemberBytes  int64         `json:"member_bytes,omitempty"`
	StreamBytes  int64         `json:"stream_bytes,omitempty"`
	DecryptBytes int64         `json:"decrypt_bytes,omitempty"`
	MemoryBytes  int64         `json:"memory_bytes,omitempty"`
	WasmPages    uint32        `json:"wasm_pages,omitempty"`
	OpenTime     time.Duration `json:"open_time,omitempty"`
	PageTime     time.Duration `json:"page_time,omitempty"`
	InspectTime  time.Duration `json:"inspect_time,omitempty"`
	DocumentTime time.Duration `json:"document_time,omitempty"`
	CPUTime      time.Duration `json:"cpu_time,omitempty"`
}

// withDefaults fills in the zero fields.
func (l Limits) withDefaults() Limits {
	set(&l.FileBytes, MaxFileBytes)
	set(&l.Pages, MaxPages)
	set(&l.PagePixels, MaxPagePixels)
	set(&l.RasterPixels, MaxRasterPixels)
	set(&l.ArchiveDepth, MaxArchiveDepth)
	set(&l.ArchiveFiles, MaxArchiveFiles)
	set(&l.ArchiveRatio, MaxArchiveRatio)
	set(&l.ArchiveBytes, MaxArchiveBytes)
	set(&l.MemberBytes, MaxMemberBytes)
	set(&l.StreamBytes, MaxStreamBytes)
	set(&l.DecryptBytes, MaxDecryptBytes)
	set(&l.MemoryBytes, MaxMemoryBytes)
	set(&l.WasmPages, MaxWasmPages)
	set(&l.OpenTime, OpenTime)
	set(&l.PageTime, PageTime)
	set(&l.InspectTime, InspectTime)
	set(&l.DocumentTime, DocumentTime)
	set(&l.CPUTime, CPUTime)
	return l
}

// limitMemory names the limit in errors, whether the system refused memory or
// PDFium's own bound did.
const (
	limitMemory = "memory_bytes"
	hintMemory  = "the page or file needs more memory than it may have: split it, scale its images down, or print it to a new PDF"
)

// cpuSeconds is the limit on processor time in the unit of the system.
func cpuSeconds(l Limits) int64 { return max(int64(l.CPUTime/time.Second), 1) }

// set gives a zero value its default.
func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// checkSize refuses an image by its declared size, before any pixel of it.
func (l Limits) checkSize(op string, w, h int) error {
	if w <= 0 || h <= 0 {
		return bad(op, errEmptyImage, "the image has no pixels")
	}
	if w > MaxPageSide || h > MaxPageSide {
		return over(op, "page_side", int64(max(w, h)), MaxPageSide, "scale the image down or cut it")
	}
	if n := int64(w) * int64(h); n > l.PagePixels {
		return over(op, "page_pixels", n, l.PagePixels, "scale the image down or cut it")
	}
	return nil
}
