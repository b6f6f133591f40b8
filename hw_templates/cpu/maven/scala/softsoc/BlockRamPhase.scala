package softsoc

import spinal.core._
import spinal.core.internals._

/** Asks synthesis for block RAM wherever all read ports are synchronous, as the packaged cores do. */
class BlockRamPhase extends Phase {
  override def impl(context: PhaseContext): Unit = context.walkBaseNodes {
    case memory: Mem[_] =>
      var asynchronous = false
      memory.dlcForeach[MemPortStatement] {
        case _: MemReadAsync => asynchronous = true
        case _               =>
      }
      if (!asynchronous) memory.addAttribute("ram_style", "block")
    case _ =>
  }

  override def hasNetlistImpact: Boolean = false
}
