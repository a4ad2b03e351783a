import { IsEmail, IsNotEmpty, IsString, MaxLength, MinLength } from 'class-validator';

export class Credentials {
  @IsEmail()
  email!: string;

  @IsString()
  @MinLength(10)
  @MaxLength(128)
  password!: string;
}

export class Registration extends Credentials {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name!: string;
}
