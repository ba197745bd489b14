package eval

import (
	"cmp"
	"math"
	"slices"
)

// Detection is an object that was found in an image.
type Detection struct {
	Image, Class string
	Box          [4]float64 // x0, y0, x1, y1
	Score        float64
}

// Object is an object that is there. A crowd stands for many; what is found on
// it counts neither for nor against.
type Object struct {
	Image, Class string
	Box          [4]float64
	Crowd        bool
}

// maxDetections is how many objects of a class COCO looks at in one image.
const maxDetections = 100

// AP is average precision as COCO defines it (Lin and others 2014).
type AP struct {
	Mean  float64 // over overlaps of 0.50, 0.55 ... 0.95 and over classes
	At50  float64
	At75  float64
	Class map[string]float64 // Mean of each class that has objects
}

// AveragePrecision compares detections with objects: for each class and each
// overlap the detections, most certain first, take the free object of their
// image that they overlap most, and precision is averaged over 101 levels of
// recall. Classes without objects do not count; without any the result is 0.
func AveragePrecision(found []Detection, objects []Object) AP {
	out := AP{Class: map[string]float64{}}
	classes := map[string]int{}
	for _, o := range objects {
		if !o.Crowd {
			classes[o.Class]++
		}
	}
	names := make([]string, 0, len(classes))
	for class := range classes {
		names = append(names, class)
	}
	slices.Sort(names) // so that sums do not depend on chance
	for _, class := range names {
		images := byImage(class, found, objects)
		for step, least := range overlaps() {
			p := classPrecision(images, least, classes[class])
			out.Class[class] += p / 10
			switch step {
			case 0:
				out.At50 += p / float64(len(names))
			case 5:
				out.At75 += p / float64(len(names))
			}
		}
		out.Mean += out.Class[class] / float64(len(names))
	}
	return out
}

// overlaps are the ten overlaps, in the reference's own rounding.
func overlaps() (out [10]float64) {
	first, last := 0.5, 0.95
	step := (last - first) / 9
	for i := range out {
		out[i] = first + float64(i)*step
	}
	return out
}

// scene is what belongs to one class in one image.
type scene struct {
	image   string
	found   []Detection // most certain first
	objects []Object    // crowds last
	overlap [][]float64 // of found and objects
}

func byImage(class string, found []Detection, objects []Object) []scene {
	index := map[string]int{}
	var out []scene
	at := func(image string) *scene {
		i, ok := index[image]
		if !ok {
			i = len(out)
			index[image] = i
			out = append(out, scene{image: image})
		}
		return &out[i]
	}
	for _, o := range objects {
		if o.Class == class {
			s := at(o.Image)
			s.objects = append(s.objects, o)
		}
	}
	for _, d := range found {
		if d.Class == class {
			s := at(d.Image)
			s.found = append(s.found, d)
		}
	}
	for i := range out {
		s := &out[i]
		slices.SortStableFunc(s.found, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
		s.found = s.found[:min(len(s.found), maxDetections)]
		slices.SortStableFunc(s.objects, func(a, b Object) int {
			switch {
			case a.Crowd == b.Crowd:
				return 0
			case b.Crowd:
				return -1
			}
			return 1
		})
		for _, d := range s.found {
			row := make([]float64, len(s.objects))
			for j, o := range s.objects {
				shared := intersection(d.Box, o.Box)
				of := area(d.Box)
				if !o.Crowd {
					of += area(o.Box) - shared
				}
				if of > 0 {
					row[j] = shared / of
				}
			}
			s.overlap = append(s.overlap, row)
		}
	}
	// Of equally certain detections the first image's comes first.
	slices.SortFunc(out, func(a, b scene) int { return cmp.Compare(a.image, b.image) })
	return out
}

// verdict is what became of a detection; those on crowds have none.
type verdict struct {
	score float64
	hit   bool
}

func classPrecision(images []scene, least float64, all int) float64 {
	var verdicts []verdict
	for _, s := range images {
		taken := make([]bool, len(s.objects))
		for i, d := range s.found {
			best, crowd := -1, false
			enough := min(least, 1-1e-10)
			for j, o := range s.objects {
				if taken[j] && !o.Crowd {
					continue
				}
				if best >= 0 && !crowd && o.Crowd {
					break // a true object is better than any crowd
				}
				if s.overlap[i][j] >= enough {
					best, crowd, enough = j, o.Crowd, s.overlap[i][j]
				}
			}
			if best >= 0 {
				taken[best] = true
			}
			if !crowd {
				verdicts = append(verdicts, verdict{d.Score, best >= 0})
			}
		}
	}
	slices.SortStableFunc(verdicts, func(a, b verdict) int { return cmp.Compare(b.score, a.score) })
	precision, recall := make([]float64, len(verdicts)), make([]float64, len(verdicts))
	hits := 0
	for i, v := range verdicts {
		if v.hit {
			hits++
		}
		recall[i], precision[i] = float64(hits)/float64(all), float64(hits)/float64(i+1)
	}
	for i := len(precision) - 2; i >= 0; i-- {
		precision[i] = max(precision[i], precision[i+1])
	}
	sum := 0.0
	hundredth := 0.01 // times the level, as the reference rounds it
	for level := range 101 {
		if i, _ := slices.BinarySearch(recall, float64(level)*hundredth); i < len(precision) {
			sum += precision[i]
		}
	}
	return sum / 101
}

// MeanIoU is the mean intersection over union of pairs of boxes, the measure
// of referring expressions; an item without answer has an empty box and counts
// as 0. A box that is empty on both sides counts as 1.
func MeanIoU(read, truth [][4]float64) float64 {
	if len(truth) == 0 {
		return 0
	}
	sum := 0.0
	for i, t := range truth {
		var r [4]float64
		if i < len(read) {
			r = read[i]
		}
		union := area(r) + area(t) - intersection(r, t)
		if union > 0 {
			sum += intersection(r, t) / union
		} else {
			sum++
		}
	}
	return sum / float64(len(truth))
}

// MaskIoU is the intersection over union of two masks of the same size, 1 when
// both are empty. Masks of different sizes share nothing.
func MaskIoU(read, truth []bool) float64 {
	if len(read) != len(truth) {
		return 0
	}
	both, either := 0, 0
	for i := range truth {
		if read[i] && truth[i] {
			both++
		}
		if read[i] || truth[i] {
			either++
		}
	}
	if either == 0 {
		return 1
	}
	return float64(both) / float64(either)
}

// Perplexity is the exponential of the mean negative log-probability of the
// tokens of a text, natural logarithms in; infinite where a token had none.
func Perplexity(logProbs []float64) float64 {
	if len(logProbs) == 0 {
		return 1
	}
	sum := 0.0
	for _, p := range logProbs {
		sum += p
	}
	return math.Exp(-sum / float64(len(logProbs)))
}
