package masks

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ErrFile is wrapped where a file is not the published one.
var ErrFile = errors.New("this is not the published " + File)

const (
	maxFileBytes   = 64 << 20 // the published file has 5 MB
	maxHeaderBytes = 1 << 12  // of an array; NumPy writes 118
)

// readArrays reads the named arrays of float32 from a file as NumPy's savez writes it, a zip of .npy files. Each must
// have its shape; others are passed over.
func readArrays(r io.ReaderAt, size int64, want map[string][]int) (map[string][]float32, error) {
	if size > maxFileBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrFile, size, maxFileBytes)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	arrays := map[string][]float32{}
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		shape, ok := want[name]
		if !ok {
			continue
		}
		if arrays[name] != nil {
			return nil, fmt.Errorf("%w: two arrays %s", ErrFile, name)
		}
		if arrays[name], err = readArray(f, shape); err != nil {
			return nil, fmt.Errorf("%w: array %s: %w", ErrFile, name, err)
		}
	}
	for name, shape := range want {
		if arrays[name] == nil {
			return nil, fmt.Errorf("%w: array %s of shape %v is missing", ErrFile, name, shape)
		}
	}
	return arrays, nil
}

// headerForm is the header of an array: a Python dictionary, as NumPy's format 1.0 to 3.0 has it.
var headerForm = regexp.MustCompile(`^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\),? *\}\s*$`)

// readArray reads one array, which must have the shape.
func readArray(f *zip.File, shape []int) ([]float32, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var lead [8]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil {
		return nil, err
	}
	if string(lead[:6]) != "\x93NUMPY" {
		return nil, errors.New("no NumPy array")
	}
	length := make([]byte, 2)
	if lead[6] > 1 {
		length = make([]byte, 4)
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, err
	}
	n := uint32(binary.LittleEndian.Uint16(length))
	if len(length) == 4 {
		n = binary.LittleEndian.Uint32(length)
	}
	if n > maxHeaderBytes {
		return nil, fmt.Errorf("a header of %d bytes, the limit is %d", n, maxHeaderBytes)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	count, err := checkHeader(string(header), shape)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 4*count)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	switch rest, err := io.Copy(io.Discard, io.LimitReader(r, 1)); {
	case err != nil:
		return nil, err // the zip's checksum is looked at here
	case rest > 0:
		return nil, fmt.Errorf("more than %d numbers", count)
	}
	values := make([]float32, count)
	for i := range values {
		v := math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("number %d is %v", i, v)
		}
		values[i] = v
	}
	return values, nil
}

// checkHeader wants little-endian float32 in C order, of the shape, and gives their number.
func checkHeader(header string, shape []int) (count int, err error) {
	m := headerForm.FindStringSubmatch(header)
	if m == nil {
		return 0, fmt.Errorf("header %.80q", header)
	}
	var dims []string
	count = 1
	for _, n := range shape {
		dims, count = append(dims, strconv.Itoa(n)), count*n
	}
	got := strings.TrimSuffix(strings.ReplaceAll(m[3], " ", ""), ",")
	if m[1] != "<f4" || m[2] != "False" || got != strings.Join(dims, ",") {
		return 0, fmt.Errorf("type %s, Fortran order %s, shape (%s); want <f4, False, %v", m[1], m[2], m[3], shape)
	}
	return count, nil
}
