package render

import (
	"encoding/binary"
	"image"
	"slices"
)

// The tags of JPEG as TIFF 6.0 first had it, section 22.
const (
	tagJPEGRestart  = 515
	tagJPEGQTables  = 519
	tagJPEGDCTables = 520
	tagJPEGACTables = 521
)

// oldJPEG decodes an image of the JPEG that TIFF 6.0 first had, where it is one
// whole stream.
func (t *tiffReader) oldJPEG(d directory, l *rasterLayout) (*image.RGBA, error) {
	at := int64(d.get(tagJPEGStream, 0))
	if at <= 0 || at >= int64(len(t.data)) {
		return nil, notRead("JPEG of the old kind in pieces")
	}
	img, err := boundedJPEG(t.data[at:], t.m.limits)
	if err != nil {
		return nil, err
	}
	if img.Bounds().Dx() < l.w || img.Bounds().Dy() < l.h {
		return nil, errShort
	}
	return toRGBA(img), nil
}

// oldJPEGTables gathers the tables of an image of the old kind into segments:
// each component has a table of each kind, 64 bytes or 16 counts and as many
// values as they say.
func oldJPEGTables(f *tiffFile, at int64, d directory) ([]byte, error) {
	const dqt, dht, dri = 0xdb, 0xc4, 0xdd
	var out []byte
	for _, k := range []struct {
		tag    uint16
		marker byte
		class  byte
	}{{tagJPEGQTables, dqt, 0}, {tagJPEGDCTables, dht, 0x00}, {tagJPEGACTables, dht, 0x10}} {
		places := f.list(at, k.tag, 4)
		if len(places) == 0 {
			return nil, notRead("JPEG of the old kind without tables")
		}
		for i, p := range places {
			if i > 1 && k.marker == dht {
				break // baseline JPEG has two: both colours share the second
			}
			table := make([]byte, 64)
			if k.marker == dht {
				table = table[:16]
			}
			if n, _ := f.r.ReadAt(table, p); n < len(table) {
				return nil, errShort
			}
			if k.marker == dht {
				n := 0
				for _, c := range table {
					n += int(c)
				}
				values := make([]byte, min(n, 256))
				if got, _ := f.r.ReadAt(values, p+16); got < len(values) {
					return nil, errShort
				}
				table = append(table, values...)
			}
			out = append(out, segment(k.marker, append([]byte{k.class | byte(i)}, table...))...)
		}
	}
	if n := int(d.get(tagJPEGRestart, 0)); n > 0 && n < 1<<16 {
		out = append(out, segment(dri, binary.BigEndian.AppendUint16(nil, uint16(n)))...)
	}
	return out, nil
}

// segment is a JPEG marker segment.
func segment(marker byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
}

// wholeJPEG puts a block's scan between the headers it lacks.
func (l *rasterLayout) wholeJPEG(scan []byte) []byte {
	const sof, sos = 0xc0, 0xda
	frame := []byte{8, byte(l.blockH >> 8), byte(l.blockH), byte(l.blockW >> 8), byte(l.blockW), byte(l.samples)}
	start := []byte{byte(l.samples)}
	for i := range l.samples {
		sampling := byte(0x11)
		if i == 0 {
			sampling = byte(l.subX<<4 | l.subY)
		}
		frame = append(frame, byte(i+1), sampling, byte(i))
		table := min(i, 1)
		start = append(start, byte(i+1), byte(table<<4|table))
	}
	start = append(start, 0, 63, 0)
	return slices.Concat([]byte{0xff, 0xd8}, l.oldTables, segment(sof, frame), segment(sos, start), scan, []byte{0xff, 0xd9})
}
