package render

import (
	"image"

	"palimpsest.dev/render/internal/layout"
)

// BlankView reports that a view holds no ink worth asking a model about: paper,
// grain, a rule, a shadow. It is meant for the small squares that View makes.
func BlankView(img *image.RGBA) bool {
	b := img.Rect
	if b.Empty() {
		return true
	}
	return layout.Empty(layout.NewGray(img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], img.Stride, b.Dx(), b.Dy()))
}
