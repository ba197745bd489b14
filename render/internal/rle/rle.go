// Package rle decodes the run lengths of DICOM (PS3.5 annex G): a header of 64
// bytes, then PackBits segments, one for each byte of each colour.
package rle

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// headerBytes hold the number of segments and room for the offsets of 15.
const headerBytes = 64

// Decode unpacks segments of size bytes each. What a segment holds beyond its
// size is padding; what it lacks is an error.
func Decode(data []byte, segments, size int) ([][]byte, error) {
	if len(data) < headerBytes {
		return nil, errors.New("rle: the header is cut off")
	}
	n := binary.LittleEndian.Uint32(data)
	if n != uint32(segments) || n > headerBytes/4-1 {
		return nil, fmt.Errorf("rle: there are %d segments where the image needs %d", n, segments)
	}
	out := make([][]byte, segments)
	for k := range segments {
		at, end := binary.LittleEndian.Uint32(data[4+4*k:]), uint32(len(data))
		if k+1 < segments {
			end = binary.LittleEndian.Uint32(data[8+4*k:])
		}
		if at < headerBytes || at > end || uint64(end) > uint64(len(data)) {
			return nil, fmt.Errorf("rle: segment %d lies outside the data", k+1)
		}
		s, err := unpack(data[at:end], size)
		if err != nil {
			return nil, fmt.Errorf("rle: segment %d: %w", k+1, err)
		}
		out[k] = s
	}
	return out, nil
}

// unpack undoes PackBits: a byte n from 0 to 127 is followed by n+1 bytes as they
// are, one from -1 to -127 by a byte that is there 1-n times; -128 says nothing.
func unpack(in []byte, size int) ([]byte, error) {
	// A pair of bytes makes at most 128: no more is set aside than can be filled.
	out := make([]byte, 0, min(size, 64*len(in)+128))
	for i := 0; i < len(in) && len(out) < size; {
		n := int(int8(in[i]))
		i++
		switch {
		case n >= 0:
			run := in[i:min(i+n+1, len(in))]
			out = append(out, run...)
			i += n + 1
		case n > -128 && i < len(in):
			for range 1 - n {
				out = append(out, in[i])
			}
			i++
		}
	}
	if len(out) < size {
		return nil, fmt.Errorf("%d of %d bytes are there", len(out), size)
	}
	return out[:size], nil
}
