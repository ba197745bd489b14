package dicom

import "encoding/binary"

// Codec is how the frames of pixel data are compressed.
type Codec int

// The codecs. JPEG is the whole family; what a frame is of it, its own markers
// say.
const (
	Native Codec = iota
	RLE
	JPEG
	JPEGLS
	JPEG2000
)

// Syntax is a transfer syntax.
type Syntax struct {
	UID, Name                     string
	Codec                         Codec
	implicit, bigEndian, deflated bool
	known                         bool // it is read here
}

const (
	uidImplicit = "1.2.840.10008.1.2"
	uidExplicit = "1.2.840.10008.1.2.1"
)

// syntaxes that are read.
var syntaxes = map[string]Syntax{
	uidImplicit:              {Name: "Implicit VR Little Endian", implicit: true},
	uidExplicit:              {Name: "Explicit VR Little Endian"},
	"1.2.840.10008.1.2.1.99": {Name: "Deflated Explicit VR Little Endian", deflated: true},
	"1.2.840.10008.1.2.2":    {Name: "Explicit VR Big Endian", bigEndian: true},
	"1.2.840.10008.1.2.5":    {Name: "RLE Lossless", Codec: RLE},
	"1.2.840.10008.1.2.4.50": {Name: "JPEG Baseline (Process 1)", Codec: JPEG},
	"1.2.840.10008.1.2.4.51": {Name: "JPEG Extended (Process 2 and 4)", Codec: JPEG},
	"1.2.840.10008.1.2.4.53": {Name: "JPEG Spectral Selection (Process 6 and 8)", Codec: JPEG},
	"1.2.840.10008.1.2.4.55": {Name: "JPEG Full Progression (Process 10 and 12)", Codec: JPEG},
	"1.2.840.10008.1.2.4.57": {Name: "JPEG Lossless (Process 14)", Codec: JPEG},
	"1.2.840.10008.1.2.4.70": {Name: "JPEG Lossless (Process 14, Selection Value 1)", Codec: JPEG},
	"1.2.840.10008.1.2.4.80": {Name: "JPEG-LS Lossless", Codec: JPEGLS},
	"1.2.840.10008.1.2.4.81": {Name: "JPEG-LS Near-Lossless", Codec: JPEGLS},
	"1.2.840.10008.1.2.4.90": {Name: "JPEG 2000 (Lossless Only)", Codec: JPEG2000},
	"1.2.840.10008.1.2.4.91": {Name: "JPEG 2000", Codec: JPEG2000},
}

// refused are the names of those that are known and not read.
var refused = map[string]string{
	"1.2.840.10008.1.2.1.98":  "Encapsulated Uncompressed Explicit VR Little Endian",
	"1.2.840.10008.1.2.4.52":  "JPEG Extended (Process 3 and 5)",
	"1.2.840.10008.1.2.4.54":  "JPEG Spectral Selection (Process 7 and 9)",
	"1.2.840.10008.1.2.4.56":  "JPEG Full Progression (Process 11 and 13)",
	"1.2.840.10008.1.2.4.58":  "JPEG Lossless (Process 15)",
	"1.2.840.10008.1.2.4.59":  "JPEG Extended Hierarchical (Process 16 and 18)",
	"1.2.840.10008.1.2.4.92":  "JPEG 2000 Multi-component (Lossless Only)",
	"1.2.840.10008.1.2.4.93":  "JPEG 2000 Multi-component",
	"1.2.840.10008.1.2.4.94":  "JPIP Referenced",
	"1.2.840.10008.1.2.4.95":  "JPIP Referenced Deflate",
	"1.2.840.10008.1.2.4.100": "MPEG-2 Main Profile",
	"1.2.840.10008.1.2.4.101": "MPEG-2 Main Profile at High Level",
	"1.2.840.10008.1.2.4.102": "MPEG-4 AVC/H.264 High Profile",
	"1.2.840.10008.1.2.4.103": "MPEG-4 AVC/H.264 BD-compatible High Profile",
	"1.2.840.10008.1.2.4.104": "MPEG-4 AVC/H.264 High Profile for 2D Video",
	"1.2.840.10008.1.2.4.105": "MPEG-4 AVC/H.264 High Profile for 3D Video",
	"1.2.840.10008.1.2.4.106": "MPEG-4 AVC/H.264 Stereo High Profile",
	"1.2.840.10008.1.2.4.107": "HEVC/H.265 Main Profile",
	"1.2.840.10008.1.2.4.108": "HEVC/H.265 Main 10 Profile",
	"1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
	"1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
	"1.2.840.10008.1.2.4.112": "JPEG XL",
	"1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 (Lossless Only)",
	"1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)",
	"1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
	"1.2.840.10008.1.2.6.1":   "RFC 2557 MIME Encapsulation",
	"1.2.840.10008.1.2.8.1":   "Deflated Image Frame Compression",
	"1.2.840.113619.5.2":      "Implicit VR Big Endian (private to GE)",
}

// syntaxOf names the transfer syntax of a data set: by its UID, by its first
// bytes where the file gives none, and against the UID where only the bytes
// can be right about who writes value representations.
func syntaxOf(uid string, data []byte) Syntax {
	s, ok := syntaxes[uid]
	switch {
	case ok:
	case uid == "":
		uid, s = uidExplicit, syntaxes[uidExplicit]
	default:
		name := refused[uid]
		if name == "" {
			name = "unknown"
		}
		// Compressed or not, data sets are written like this.
		return Syntax{UID: uid, Name: name + ", " + shortUID(uid)}
	}
	s.UID, s.known = uid, true
	s.Name += ", " + uid
	if s.deflated || len(data) < 8 {
		return s
	}
	explicit := isLetters(data[4:6]) && (longForm[string(data[4:6])] || shortForm[string(data[4:6])])
	little := binary.LittleEndian.Uint16(data) <= 8 && binary.LittleEndian.Uint16(data) > 0
	if s.bigEndian && little || !s.bigEndian && !little {
		return s // an odd beginning is no reason to doubt the rest
	}
	s.implicit = !explicit && !s.bigEndian
	return s
}

// shortUID keeps what can be a UID of one: digits and dots.
func shortUID(uid string) string {
	const longest = 64
	out := make([]byte, 0, longest)
	for i := 0; i < len(uid) && len(out) < longest; i++ {
		if c := uid[i]; c == '.' || c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}
