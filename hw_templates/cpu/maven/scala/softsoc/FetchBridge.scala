package softsoc

import spinal.core._
import spinal.lib._
import spinal.lib.bus.wishbone.Wishbone
import vexriscv.plugin.IBusSimpleBus

/** Connects a fetch unit without cache to Wishbone and lets go of the bus now and then.
  *
  * LiteX's arbiter changes its mind only while CYC is low. A tight loop would hold CYC for ever and starve the stores
  * of the same core, so the bridge drops CYC for one cycle after every 16th acknowledge. (To do so whenever the
  * data bus waits was tried: no quicker.)
  */
object FetchBridge {
  val acknowledgesPerTurn = 16

  def apply(fetch: IBusSimpleBus): Wishbone = {
    val bus = Wishbone(IBusSimpleBus.getWishboneConfig())
    val cmd = fetch.cmd.s2mPipe().m2sPipe()
    val turn = Counter(acknowledgesPerTurn)
    val pause = RegNext(bus.CYC && bus.ACK && turn.willOverflowIfInc) init (False)

    bus.CYC := cmd.valid && !pause
    bus.STB := bus.CYC
    bus.ADR := cmd.pc >> 2
    bus.CTI := B"000"
    bus.BTE := B"00"
    bus.SEL := B"1111"
    bus.WE := False
    bus.DAT_MOSI := 0

    cmd.ready := bus.CYC && bus.ACK
    when(cmd.ready) { turn.increment() }
    fetch.rsp.valid := RegNext(cmd.ready) init (False)
    fetch.rsp.inst := RegNext(bus.DAT_MISO)
    fetch.rsp.error := False
    bus
  }
}
