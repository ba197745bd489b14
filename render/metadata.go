package render

import (
	"bytes"
	"encoding/binary"
	"math"
)

// imageMeta is what a still image says about itself besides its pixels.
type imageMeta struct {
	orientation int     // EXIF 1..8, 0 when not said
	dpiX, dpiY  float64 // 0 when not said
}

// dpi is the finer of the two resolutions: square enlarges the coarser side.
func (m imageMeta) dpi() float64 { return sane(math.Max(m.dpiX, m.dpiY)) }

// minDPI and maxDPI bound believable resolutions of a page. Cameras and web
// tools write 72 or 96 without meaning it; such values are kept, they do no harm.
const (
	minDPI = 20
	maxDPI = 4800
)

// sane returns 0 for a resolution no page has.
func sane(dpi float64) float64 {
	if dpi >= minDPI && dpi <= maxDPI {
		return dpi
	}
	return 0
}

const perMetre = 0.0254 // inches

// metadata reads orientation and resolution; damaged metadata says nothing.
func metadata(format string, data []byte) imageMeta {
	switch format {
	case formatJPEG:
		return jpegMeta(data)
	case formatPNG:
		return pngMeta(data)
	case formatWebP:
		return webpMeta(data)
	case formatBMP:
		if len(data) >= 46 && binary.LittleEndian.Uint32(data[14:]) >= 40 {
			x, y := binary.LittleEndian.Uint32(data[38:]), binary.LittleEndian.Uint32(data[42:])
			return imageMeta{dpiX: sane(float64(x) * perMetre), dpiY: sane(float64(y) * perMetre)}
		}
	}
	return imageMeta{}
}

// jpegSegments calls f for each marker segment before the first scan, until f
// returns false. Each step moves at least two bytes forward.
func jpegSegments(data []byte, f func(marker byte, body []byte) bool) {
	for i := 2; i+4 <= len(data); {
		if data[i] != 0xff {
			i++
			continue
		}
		m := data[i+1]
		if m == 0xff || m == 0 || m == 1 || m >= 0xd0 && m <= 0xd8 {
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[i+2:]))
		if m == 0xd9 || n < 2 || i+2+n > len(data) {
			return
		}
		if !f(m, data[i+4:i+2+n]) || m == 0xda {
			return
		}
		i += 2 + n
	}
}

// jpegMeta reads the JFIF and EXIF segments; EXIF wins.
func jpegMeta(data []byte) imageMeta {
	var m imageMeta
	jpegSegments(data, func(marker byte, b []byte) bool {
		switch {
		case marker == 0xe0 && len(b) >= 12 && string(b[:5]) == "JFIF\x00":
			unit := map[byte]float64{1: 1, 2: 2.54}[b[7]]
			m.dpiX = sane(float64(binary.BigEndian.Uint16(b[8:])) * unit)
			m.dpiY = sane(float64(binary.BigEndian.Uint16(b[10:])) * unit)
		case marker == 0xe1 && len(b) > 14 && string(b[:6]) == "Exif\x00\x00":
			m.merge(exif(b[6:]))
		}
		return true
	})
	return m
}

// jpegSize reads the frame header, of any kind of JPEG.
func jpegSize(data []byte) (w, h int, ok bool) {
	jpegSegments(data, func(marker byte, b []byte) bool {
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc && len(b) >= 5 {
			h, w = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
			ok = w > 0 && h > 0
			return false
		}
		return true
	})
	return w, h, ok
}

// pngMeta reads the pHYs and eXIf chunks.
func pngMeta(data []byte) imageMeta {
	var m imageMeta
	for i := 8; i+12 <= len(data); {
		n := int64(binary.BigEndian.Uint32(data[i:]))
		if n > int64(len(data)-i-12) {
			break
		}
		body := data[i+8 : i+8+int(n)]
		switch string(data[i+4 : i+8]) {
		case "pHYs":
			if n >= 9 && body[8] == 1 {
				m.dpiX = sane(float64(binary.BigEndian.Uint32(body)) * perMetre)
				m.dpiY = sane(float64(binary.BigEndian.Uint32(body[4:])) * perMetre)
			}
		case "eXIf":
			m.merge(exif(body))
		case "IDAT":
			return m
		}
		i += 12 + int(n)
	}
	return m
}

// webpMeta reads the EXIF chunk.
func webpMeta(data []byte) imageMeta {
	var m imageMeta
	for i := 12; i+8 <= len(data); {
		n := int64(binary.LittleEndian.Uint32(data[i+4:]))
		if n > int64(len(data)-i-8) {
			break
		}
		if string(data[i:i+4]) == "EXIF" {
			m.merge(exif(bytes.TrimPrefix(data[i+8:i+8+int(n)], []byte("Exif\x00\x00"))))
		}
		i += 8 + int(n+n&1)
	}
	return m
}

// merge takes over what o says.
func (m *imageMeta) merge(o imageMeta) {
	if o.orientation != 0 {
		m.orientation = o.orientation
	}
	if o.dpiX > 0 && o.dpiY > 0 {
		m.dpiX, m.dpiY = o.dpiX, o.dpiY
	}
}

// exif reads orientation and resolution from the first directory of an EXIF
// block, which is a TIFF header without pixels.
func exif(b []byte) imageMeta {
	t, err := newTIFFFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return imageMeta{}
	}
	d, err := t.directory(t.first)
	if err != nil {
		return imageMeta{}
	}
	return d.meta()
}
