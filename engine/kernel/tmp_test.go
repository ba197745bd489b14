package kernel
import ("testing";"time";"golang.org/x/sys/unix";"runtime")
func TestTmpTile(t *testing.T){
 runtime.LockOSThread()
 cpu:=func() time.Duration { var ts unix.Timespec; unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID,&ts); return time.Duration(ts.Nano()) }
 for _,cells:=range []int{32,128,256} {
 a:=make([]int16,6*1024+64); a8:=make([]int8,6*1024+64); b:=make([]byte,64*1024); acc:=make([]int32,6*64); st:=make([]int16,6*64); steps:=make([]int8,16*64)
 best:=0.0; best4:=0.0; bestF:=0.0
 af:=make([]float32,6*1024); bf:=make([]float32,16*1024); d:=make([]float32,6*64)
 for rep:=0;rep<8;rep++ {
  s:=cpu(); const n=20000
  for i:=0;i<n;i++ { tile6x8Int8AVX2(&acc[0],64,&a[0],cells*4,&b[0],0,cells,false) }
  r:=float64(n*cells*192*2)/(cpu()-s).Seconds()/1e9
  if r>best {best=r}
  s=cpu()
  for i:=0;i<n;i++ { tile6x8Int4AVX2(&acc[0],64,&a8[0],cells*4,&st[0],cells/8*2,&b[0],0,&steps[0],0,cells/8,false) }
  r=float64(n*cells*192*2)/(cpu()-s).Seconds()/1e9
  if r>best4 {best4=r}
  s=cpu()
  for i:=0;i<n;i++ { tile6x1F32AVX2(&d[0],64,&af[0],cells*4,&bf[0],0,cells*4,nil,0) }
  r=float64(n*cells*4*96*2)/(cpu()-s).Seconds()/1e9
  if r>bestF {bestF=r}
 }
 t.Logf("cells %d int8 %.1f int4 %.1f f32 %.1f", cells,best,best4,bestF)
 }
}
