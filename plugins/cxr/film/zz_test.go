package film
import ("testing";"fmt";"context";"path/filepath"; . "palimpsest.dev/render")
func TestZZ(t *testing.T){
 fs,_:=filepath.Glob("/work/shared/data/cxr/*/*.[pj]*g"); n,b,v:=0,0,0
 for _,f:=range fs{ d,err:=Open(context.Background(),f,Options{InProcess:true}); if err!=nil{fmt.Println(f,err);continue}
  p,err:=d.Page(context.Background(),1); if err!=nil{fmt.Println(f,err);continue}
  n++; if p.Blank{b++}
  r:=p.Image.Rect
  img,_:=View(p.Image,[4]float64{0,0,float64(r.Dx()),float64(r.Dy())},224,"letterbox")
  if BlankView(img){v++}
  if p.Rotation!=0||p.Skew!=0 {fmt.Println("turned",filepath.Base(f),p.Rotation,p.Skew)}
  d.Close()
 }
 fmt.Println(n,"blank pages",b,"blank views",v)
}
