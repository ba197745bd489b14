package pdfa

import (
	"encoding/binary"
	"math"
	"unicode/utf16"
)

// profile makes an ICC profile (ISO 15076-1, version 4.3) of sRGB: the primaries
// of IEC 61966-2-1 adapted to D50, and its curve as a parametric one.
func profile() []byte {
	xyz := func(x, y, z float64) []byte {
		return append([]byte("XYZ \x00\x00\x00\x00"), fixed(x, y, z)...)
	}
	curve := append([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), fixed(2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)...)
	chad := append([]byte("sf32\x00\x00\x00\x00"), fixed(
		1.047882, 0.022919, -0.050217,
		0.029587, 0.990479, -0.017059,
		-0.009232, 0.015076, 0.751678)...)
	tags := []struct {
		name string
		body []byte
	}{
		{"desc", multiText("sRGB")},
		{"cprt", multiText("No copyright, use freely")},
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"chad", chad},
		{"rXYZ", xyz(0.436066, 0.222488, 0.013916)},
		{"gXYZ", xyz(0.385147, 0.716873, 0.097076)},
		{"bXYZ", xyz(0.143066, 0.060608, 0.714096)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	start := 128 + 4 + 12*len(tags)
	var body []byte
	curveAt := 0
	for _, t := range tags {
		at := start + len(body)
		shared := t.name == "gTRC" || t.name == "bTRC"
		if shared {
			at = curveAt
		}
		table = append(table, t.name...)
		table = binary.BigEndian.AppendUint32(table, uint32(at))
		table = binary.BigEndian.AppendUint32(table, uint32(len(t.body)))
		if shared {
			continue
		}
		curveAt = at
		body = append(body, t.body...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	head := make([]byte, 128)
	binary.BigEndian.PutUint32(head, uint32(start+len(body)))
	copy(head[8:], "\x04\x30\x00\x00mntrRGB XYZ ")
	copy(head[24:], "\x07\xea\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00acsp") // a date, the same in every file
	copy(head[68:], fixed(0.9642, 1, 0.8249))
	return append(append(head, table...), body...)
}

// fixed writes numbers as s15Fixed16.
func fixed(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(x*65536))))
	}
	return b
}

// multiText is a text in one language.
func multiText(s string) []byte {
	units := utf16.Encode([]rune(s))
	b := []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS")
	b = binary.BigEndian.AppendUint32(b, uint32(2*len(units)))
	b = binary.BigEndian.AppendUint32(b, 28)
	for _, u := range units {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}
