import { IsInt, IsPositive, IsString, IsUUID, Matches } from 'class-validator';

export class ChargeCard {
  @IsUUID()
  orderId!: string;

  @IsInt()
  @IsPositive()
  amountCents!: number;

  @IsString()
  @Matches(/^tok_\w{1,64}$/)
  card!: string;
}
